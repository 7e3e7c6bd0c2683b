"""Short lists of common given names and of places, for finds that are no more than a hint."""

from __future__ import annotations

from functools import cache

_GIVEN = """
aaron abdul abigail adam adrian agnieszka ahmed aisha alan albert alejandro alessandro alex
alexander alexandra alfred ali alice alicia alison amanda amber amina amit amy ana anastasia
andrea andreas andrei andrew angela anil anita anja ann anna anne annette annika anthony antonio
arjun arthur arturo ashley astrid barbara beatrice ben benjamin bernard beth bianca bill birgit
björn bob boris brandon brenda brian bruce bruno carl carla carlos carmen carol caroline catherine
cecilia charles charlie charlotte chen chiara chloe chris christian christina christine
christopher claire clara claudia colin cristina cynthia daniel daniela david deborah denise dennis
derek diana diego dieter dimitri dmitri dominic donald donna doris dorothy douglas dylan edith
eduardo edward eileen elaine elena eleanor elias elisabeth elizabeth ella ellen emil emily emma
enrique eric erica erik ernesto esther ethan eugene eva evelyn fabian fatima federico felix
fernando fiona florian frances francesca francesco francisco francois frank franz fred frederick
frida gabriel gabriela gary gemma geoffrey george georgia gerald gerard giorgio giovanni giulia
gloria gordon graham greg gregory greta guillaume gustavo hanna hannah hans harold harriet harry
hassan heather heidi heinz helen helena helga henrik henry hiroshi holly hugo hussein ian ibrahim
igor ines ingrid irene irina isabel isabella ivan jack jackie jacob jacques jaime jake james jamie
jan jane janet janice jason javier jean jeff jeffrey jennifer jenny jeremy jerry jesse jessica jim
joan joanna joao joe johan johann johanna johannes john johnny jon jonas jonathan jordi jorge jose
josé josef joseph joshua juan judith judy julia julian juliana julie juliet jürgen karen karin
karl kate katarina katherine kathleen kathryn katie katja kavita keith kelly kenneth kenji kevin
khalid kim kirsten klaus kristen kristina kumar kurt kyle lakshmi lara lars laura lauren laurent
lawrence lea leah lena leo leon leonardo leonie leslie liam lily linda lisa lorenzo louis louise
luca lucas lucia lucy luigi luis luisa lukas luke lydia maeve magdalena mahmoud manuel marc marcel
marco marcus margaret maria mariam marie marina mario marion marius mark markus marta martha
martin martina mary mateo matteo matthew matthias maureen max maya megan mehmet mei melanie
melissa michael michaela michel michelle miguel mikael mike mikhail mohamed mohammed monica monika
muhammad murat nadia nancy naomi natalia natalie natasha nathan neil nicholas nick nicolas nicole
niels nigel nikolai nina noah nora norman oleg olga oliver olivia olivier omar oscar otto pablo
pamela paolo patricia patrick paul paula pauline pedro penelope peter petra philip philippe
phillip pierre piotr priya rachel rafael raj rajesh ralf ralph raquel raymond rebecca renate
ricardo richard rita robert roberto robin rodrigo roger roland ronald rosa rosemary ross roy ruth
ryan sabine sally sam samantha samuel sandra sanjay sara sarah scott sean sebastian sergei sergio
sharon sheila shirley silvia simon simone sofia sonia sophia sophie stefan stefanie stella
stephanie stephen steve steven stuart sunita susan susanne suzanne sven svetlana sylvia tamara
tanja tatiana teresa terry theodore theresa thomas tiffany tim timothy tobias todd tom tomas tony
tracy trevor ulrich ursula uwe valentina valerie vanessa vera veronica victor victoria vijay
vincent virginia vladimir walter wayne wei wendy werner wilhelm william winston wolfgang xavier
yan yasmin yolanda yuki yusuf yves yvonne zahra zoe zofia
"""
_PLACES = """
afghanistan albania algeria andorra angola argentina armenia australia austria azerbaijan bahamas
bahrain bangladesh barbados belarus belgium belize benin bhutan bolivia bosnia botswana brazil
brunei bulgaria burundi cambodia cameroon canada chile china colombia comoros congo croatia cuba
cyprus czechia denmark djibouti dominica ecuador egypt england eritrea estonia ethiopia fiji
finland france gabon gambia germany ghana gibraltar greece greenland grenada guatemala guinea
guyana haiti honduras hungary iceland india indonesia iran iraq ireland israel italy jamaica japan
kazakhstan kenya kiribati kosovo kuwait kyrgyzstan laos latvia lebanon lesotho liberia libya
liechtenstein lithuania luxembourg macedonia madagascar malawi malaysia maldives mali malta
mauritania mauritius mexico moldova monaco mongolia montenegro morocco mozambique myanmar namibia
nauru nepal netherlands nicaragua niger nigeria norway oman pakistan palau palestine panama
paraguay peru philippines poland portugal qatar romania russia rwanda samoa scotland senegal
serbia seychelles singapore slovakia slovenia somalia spain sudan suriname sweden switzerland
syria taiwan tajikistan tanzania thailand togo tonga tunisia turkey türkiye turkmenistan tuvalu
uganda ukraine uruguay uzbekistan vanuatu venezuela vietnam wales yemen zambia zimbabwe amsterdam
ankara antwerp athens atlanta auckland austin baghdad bangalore bangkok barcelona basel beijing
beirut belfast belgrade bergen berlin bern bilbao birmingham bogotá bologna bordeaux boston
bratislava bremen brisbane bristol brussels bucharest budapest cairo calcutta cambridge canberra
caracas cardiff casablanca chennai chicago cologne copenhagen cork dallas damascus delhi denver
detroit dhaka dresden dubai dublin durban düsseldorf edinburgh florence frankfurt gdansk geneva
genoa glasgow gothenburg graz guangzhou hamburg hanoi hanover havana helsinki houston hyderabad
istanbul jakarta jerusalem johannesburg karachi kathmandu kharkiv krakow kraków kyiv kyoto lagos
lahore lausanne leeds leipzig lille lima lisbon liverpool ljubljana london lyon madrid malaga
malmö manchester manila marrakesh marseille melbourne miami milan minneapolis minsk montevideo
montreal moscow mumbai munich münchen nairobi nantes naples newcastle nice nottingham oakland
oporto orlando osaka oslo ottawa oxford palermo paris perth philadelphia phoenix porto portland
prague quito reykjavik riga rome rotterdam salzburg santiago sarajevo seattle seoul seville
shanghai sheffield shenzhen sofia stockholm strasbourg stuttgart sydney tallinn tampa tampere
tbilisi tehran tokyo toronto toulouse tripoli tunis turin utrecht valencia vancouver venice vienna
vilnius warsaw wellington yokohama zagreb zurich zürich california texas florida ohio oregon
arizona nevada utah colorado michigan illinois wisconsin minnesota tennessee alabama louisiana
massachusetts connecticut maryland pennsylvania bavaria bayern catalonia ontario quebec queensland
tasmania
"""
_LONG_PLACES = """
united states|united kingdom|united arab emirates|south africa|south korea|north korea|new zealand
saudi arabia|sri lanka|costa rica|el salvador|puerto rico|hong kong|czech republic
dominican republic|ivory coast|sierra leone|san marino|cape verde|east timor|equatorial guinea
papua new guinea|burkina faso|faroe islands|new york|los angeles|san francisco|san diego
san antonio|las vegas|new orleans|new delhi|salt lake city|kansas city|buenos aires|rio de janeiro
são paulo|sao paulo|mexico city|cape town|tel aviv|kuala lumpur|ho chi minh city|addis ababa
abu dhabi|santo domingo|den haag|the hague|st petersburg|saint petersburg|north carolina
south carolina|north dakota|south dakota|new jersey|new mexico|new hampshire|west virginia
rhode island|british columbia|new south wales|northern ireland|costa mesa
"""


@cache
def given_names() -> frozenset[str]:
    """Common given names of many languages, in lower case."""
    return frozenset(_GIVEN.split())


@cache
def places() -> dict[str, tuple[tuple[str, ...], ...]]:
    """Countries, regions and large towns in lower case: by the first word, the longest first."""
    long = _LONG_PLACES.strip().replace("\n", "|").split("|")
    found: dict[str, list[tuple[str, ...]]] = {}
    for name in sorted((*_PLACES.split(), *long), key=len, reverse=True):
        words = tuple(name.split())
        found.setdefault(words[0], []).append(words)
    return {first: tuple(names) for first, names in found.items()}
