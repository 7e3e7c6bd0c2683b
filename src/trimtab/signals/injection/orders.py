"""How an order to drop instructions is worded: in English by how sure it is, and in others.

Patterns for RE2 over text in lower case; the order itself is the only group. What stands
between words is one space or line feed by then.
"""

from __future__ import annotations

from unicodedata import normalize


def _spaced(pattern: str) -> str:
    return pattern.replace(" ", r"[ \n]")


def _normal(pattern: str) -> str:
    """As texts are when they are read: composed, and a dotless i among Latin letters an i."""
    return normalize("NFKC", _spaced(pattern)).replace("ı", "[ıi]")


_GREETING = (
    r"(?:hi|hello|hey|dear|thanks|thank you|ok|okay|alright|well|listen|sorry|great|please note"
    r"|(?:attention|important|urgent|note|warning|reminder)(?: to)?)"
    r"(?:(?: all| any| the)?(?: ai| llm| bot| assistants?| chatbots?| chatgpt| gpt| claude| gemini"
    r"| models?| there| everyone| everybody| team| system))?"
)
_TO_YOU = (
    r"(?:you (?:must|should|shall|will|need to|have to|are to|can|may|ought to)"
    r"|i (?:want|need|order|command|instruct|ask|beg|urge|tell) you to|i would like you to"
    r"|your (?:(?:new|only|first|next) )?(?:task|job|goal) is to|(?:make|be) sure (?:to|you)"
    r"|remember to|feel free to|it is (?:time|necessary|important) to|we need you to|let's|let us)"
)
_WORD = (
    r"(?:please|kindly|now|just|so|and|then|but|also|first|next|instead|actually|simply|by the way"
    r"|btw|p\.?s\.?|immediately|from now on|henceforth|finally|lastly|oh|from here on)"
)
_AI = (
    r"(?:ai|llm|system|user|human|assistant|admin|developer|chatgpt|gpt|claude|bot|model|new task)"
)
_MARK = r"(?:[-*#>•·]|\d{1,2}[.)])"
_OPENING = (
    rf"(?:(?:(?:^|[.!?;…\n\])}}\x{{2600}}-\x{{27bf}}\x{{1f300}}-\x{{1faff}}]|:)\s*(?:{_MARK}\s*){{0,2}}(?:{_GREETING}[,:!.\s]\s*)?"
    rf"(?:{_AI}\s*[:,]\s*)?"
    rf"(?:{_WORD}[,:]?\s+){{0,3}}"
    rf"|[,;:–-]\s*(?:{_WORD}[,:]?\s+){{1,3}}"
    r"|\b(?:and then|and now|but now|so now|now please|please)"
    rf",?\s+)(?:{_TO_YOU} (?:{_WORD}\s+){{0,2}})?)"
)
_DROP = (
    r"(?:ignore|disregard|forget(?: about)?|override|overrule|discard|neglect|set aside"
    r"|pay no attention to|stop (?:following|obeying)|(?:do not|don'?t|never) (?:follow|obey)"
    r"|no longer (?:follow|obey)|cease (?:following|obeying))"
)
_ALL = (
    r"(?:(?:all|any|every|each|everything|absolutely all|completely all)(?: of)?"
    r"(?: (?:the|your|these|those|my|our))?)"
)
_WHICH = r"(?:(?:of|the|your|these|those) ){0,2}"
_EARLIER = (
    r"(?:(?:previous(?:ly)?|prior|above|earlier|preceding|initial|original|system|past|foregoing"
    r"|former|existing|developer|given|other|old|safety|hidden)(?:,? and|,? or|,)? ){1,3}"
)
_TOLD = (
    r"(?:instructions?|directions?|directives?|prompts?|guidelines?|programming|commands?|rules?"
    r"|constraints|restrictions|guidance|system (?:prompt|message))"
)
_YOURS = (
    r"your (?:(?:own|internal|safety|initial|original|previous|prior|system|current|core|hidden|"
    r"developer's|content|ethical) ){0,2}(?:instructions?|guidelines?|programming|directives?"
    r"|prompts?|rules|restrictions|constraints|training)"
)
_SURE = (
    rf"(?:{_ALL} (?:{_EARLIER})(?:{_TOLD})(?:(?:,| and| or| &) {_TOLD})?"
    rf"|{_ALL} {_TOLD} (?:above|before(?: this)?|so far|(?:that )?you (?:were|have been|had been"
    r"|are|have|had|got|received)(?: been)?(?: given| told)?|given(?: to you)?(?: before| above"
    r"| previously)?|until now|up to now|(?:that )?(?:came|were given|was given) (?:before|above))"
    rf"|(?:{_ALL} )?{_YOURS}(?: (?:and|or) {_TOLD})?"
    r"|(?:everything|all|anything|what|whatever)(?: that)? (?:you|i)"
    r" (?:were|have been|was|had been) (?:told|instructed|taught|given)"
    r"(?: (?:to do|before|so far|above|previously|earlier))?"
    r"|everything (?:above|before (?:this|now)|(?:that was )?(?:said|written|stated)"
    r" (?:above|before)))"
)
_LIKELY = rf"(?:{_WHICH}{_EARLIER}{_TOLD}|{_WHICH}{_TOLD} (?:above|before this)|(?:all )?the above)"
_WHOLE = rf"{_WHICH}{_EARLIER}{_TOLD}|{_WHICH}{_TOLD} above"
_ASKED = (
    r"(?:say|print|output|write|tell|reply|respond|answer|return|reveal|show|display|repeat|give me"
    r"|rate|act|pretend|become|be|do|execute|run|obey|follow (?:my|these|mine|only)|list|recite"
    r"|translate|summari[sz]e|generate|compose|sing|roleplay|role-play|simulate|speak|talk|explain"
    r"|instead|you are|you're|provide|recommend|approve|accept|grant|send|email|forward|delete"
    r"|help me|let me|just|only|start|begin|behave|switch|enter|confirm|praise)"
)
_ADDED = (
    r"(?: (?:now|please|immediately|at once|completely|entirely|fully|altogether|given"
    r"|given to you|given above|you have|you had|you received|you were given|you've been given"
    r"|you have been given|from (?:the |your )?(?:system|developers?|creators?|openai|anthropic"
    r"|google|owner|operator|programmers?)|regarding (?:safety|content)))?"
)
_STOP = r"(?:\s*[.!;:)\]…—–]|\s*$|\s*\n|\s+-)"
_GOES_ON = r"(?:\s*,|\s+(?:and|then|but|instead|because|as|since|or|so|for|you|i|just|only)\b)"
_AND = r"(?:\s*[,;:.!]?(?:\s+(?:and|then|but|instead|now|please|simply|just|to)){0,3}\s+)"

_NO_RULES = (
    r"(?:restrictions?|limits?|limitations?|rules|filters?|guidelines|polic(?:y|ies)|ethics|morals"
    r"|censorship)"
)
_FREED = (
    r"\b(you (?:do not|don'?t|no longer) (?:have|need) to (?:abide by|follow|obey|comply with"
    r"|adhere to) (?:(?:any|the|all|your) ){0,2}(?:openai|anthropic|google|microsoft|meta)(?:'s)?"
    rf" (?:\w+ )?{_NO_RULES}"
    r"|act as (?:an? |the )?(?:ai|llm|language model|chatbot)(?: assistant| model)?"
    rf" (?:without|with no|free of|that has no) (?:any )?(?:\w+ )?{_NO_RULES}"
    r"|in (?:developer|god|dan|jailbreak|unrestricted) mode,? you (?:have no|are free of"
    rf"|are without|are not bound by|ignore) (?:any |all )?(?:\w+ )?{_NO_RULES})"
)

ENGLISH = (
    _spaced(_FREED),
    _spaced(rf"{_OPENING}({_DROP} {_SURE}){_ADDED}(?:{_STOP}|{_GOES_ON})"),
    _spaced(rf"{_OPENING}({_DROP} {_LIKELY}){_ADDED}{_AND}{_ASKED}\b"),
    _spaced(rf"{_OPENING}({_DROP} (?:{_WHOLE})){_ADDED}(?:\s*[.!\n]|\s*$)"),
)
"""Of no rules; of all instructions or of yours; of some, with something to do, or as a sentence."""

OTHERS = tuple(
    map(
        _normal,
        (
            (
                r"((?:ignorez|ignore|oubliez|oublie|oublier|ignorer) (?:(?:complètement"
                r" )?(?:(?:toutes? )?(?:tes|vos) (?:règles|instructions|consignes|directives"
                r"|restrictions|limites)|(?:toutes )?(?:les|ces) (?:instructions|consignes"
                r"|directives|règles|invites) (?:précédentes|antérieures|ci-dessus"
                r"|(?:données |reçues )?(?:avant|plus haut|jusqu'ici|jusqu'à présent))"
                r"|toutes les (?:instructions|consignes) (?:reçues|données)"
                r"|tout ce qu(?:i|e|'on)[^.!?\n]{0,20} (?:dit|précède|avant))))"
            ),
            (
                r"((?:ignorier(?:e|t|en sie)?|vergiss|vergesst|vergessen sie"
                r"|missachte|verwirf) (?:(?:alle|sämtliche|all) )?(?:deine|ihre|die|diese)?\s?"
                r"(?:(?:vorherigen|bisherigen|vorigen|früheren|obigen|vorangegangenen"
                r"|ursprünglichen|alten) (?:anweisungen|instruktionen|regeln|befehle|vorgaben"
                r"|anordnungen|prompts)|anweisungen von (?:oben|vorher))"
                r"|(?:vergiss|ignoriere) (?:alle )?deine (?:regeln|anweisungen"
                r"|instruktionen|vorgaben|richtlinien))"
            ),
            (
                r"((?:ignora|ignore|olvida|olvide|olvídate de|descarta) (?:(?:todas )?"
                r"(?:las|tus|sus) (?:instrucciones|indicaciones|reglas|órdenes|directrices)"
                r" (?:anteriores|previas|de arriba|originales|recibidas|iniciales)|(?:todas )?"
                r"tus (?:reglas|instrucciones|restricciones|directrices|indicaciones)"
                r"|todo lo (?:anterior|que te (?:dijeron|han dicho))))"
            ),
            (
                r"((?:ignora|ignorate|dimentica|dimenticate) (?:tutte )?(?:(?:le|tutte le"
                r") (?:istruzioni|indicazioni|regole|direttive) (?:precedenti|anteriori"
                r"|ricevute|iniziali|di cui sopra)|(?:tutte )?le tue (?:regole|istruzioni)"
                r"|tutto (?:ciò|quello) che ti è stato detto))"
            ),
            (
                r"((?:ignore|ignora|esqueça|esquece|desconsidere) (?:(?:todas )?"
                r"(?:as )?(?:suas )?(?:instruções|ordens|regras|diretrizes) (?:anteriores"
                r"|prévias|acima|iniciais)|(?:todas )?as? suas (?:regras|instruções)"
                r"|tudo o que (?:foi|te) (?:dito|disseram)))"
            ),
            (
                r"((?:negeer|vergeet) (?:(?:alle|al) )?(?:je |jouw |de )?(?:(?:vorige"
                r"|eerdere|voorgaande|bovenstaande|voorafgaande) (?:instructies|opdrachten"
                r"|regels|aanwijzingen|prompts)|(?:al )?je (?:regels|instructies)))"
            ),
            (
                r"((?:zignoruj|ignoruj|zapomnij o?) ?(?:wszystkich |wszystkie )?"
                r"(?:poprzednie|poprzednich|wcześniejsze|wcześniejszych|powyższe|swoje|swoich)"
                r" (?:instrukcje|instrukcjach|polecenia|poleceniach|zasady|zasadach|wytyczne))"
            ),
            (
                r"((?:проигнорируй(?:те)?|игнорируй(?:те)?|забудь(?:те)?"
                r"|отбрось(?:те)?) (?:про |\x{43e}\x{431}\x{43e}? )?(?:все |всех )?"
                r"(?:твои |свои |ваши )?"
                r"(?:(?:предыдущие|предыдущих|прежние|прежних|прошлые|прошлых"
                r"|вышеуказанные"
                r"|ранее данные"
                r"|изначальные) (?:инструкци[ию]|инструкциях|указания|команды|правила"
                r"|распоряжения)|(?:свои|твои) (?:правила|инструкции|указания)))"
            ),
            (
                r"((?:(?:daha )?önceki (?:tüm |bütün )?(?:talimatları(?:n hepsini"
                r"|n tümünü)?|komutları(?:n hepsini)?|kuralları|yönergeleri)|(?:tüm|bütün)"
                r" (?:önceki )?(?:talimatları|kuralları|komutları|yönergeleri)"
                r"|(?:sana verilen|yukarıdaki) (?:tüm |bütün )?(?:talimatları|komutları"
                r"|kuralları)|kurallarını|talimatlarını) (?:yok say|unut|görmezden gel|dikkate"
                r" alma|boşver))"
            ),
            (
                r"((?:请)?(?:你)?(?:忽略|无视|忘记|忘掉|忽視|無視|忽略掉|不要理会)(?:掉)?"
                r"(?:(?:你)?(?:之前|以上|上面|先前|前面|此前|上述|以前)(?:的)?(?:给你的)?(?:所有|全部|一切|任何)?"
                r"(?:的)?|(?:所有|全部|一切|任何)(?:的)?(?:之前|以上|上面|先前|前面|此前|上述|以前)(?:的)?"
                r"|(?:你的)(?:所有|全部|一切)?)(?:指令|指示|提示|命令|说明|规则|設定|指令和规则))"
            ),
            (
                r"((?:これまで|以前|上記|前|今まで|先ほど)の(?:すべての|全ての|あらゆる)?"
                r"(?:指示|命令|ルール|プロンプト|指令)(?:や命令)?(?:は|を)?(?:すべて|全て|全部|一切)?"
                r"(?:無視|忘れ))"
            ),
            (
                r"((?:이전|위의|앞의|지금까지의|기존)(?:의)? ?(?:모든 )?(?:지시|명령|지침|규칙"
                r"|프롬프트)(?:사항)?(?:들)?(?:를|을|은|는)? ?(?:모두 |전부 |다 )?(?:무시|잊))"
            ),
            (
                r"((?:bỏ qua|phớt lờ|quên) (?:(?:tất cả|mọi|toàn bộ) )?(?:các |những )?"
                r"(?:hướng dẫn|chỉ dẫn|chỉ thị|mệnh lệnh|lệnh|quy tắc) (?:trước|ở trên|phía trên"
                r"|của bạn))"
            ),
            (
                r"((?:abaikan|lupakan) (?:(?:semua|seluruh) )?(?:instruksi|perintah|aturan|arahan)"
                r" (?:sebelumnya|di atas|awal|kamu|anda))"
            ),
            (
                r"((?:تجاهل|انس|انسى|تجاهلي) (?:جميع |كل |كافة )?(?:(?:التعليمات|الأوامر"
                r"|القواعد|الإرشادات|التوجيهات) (?:السابقة|أعلاه|المذكورة)|(?:تعليماتك"
                r"|قواعدك)))"
            ),
            (
                r"((?:(?:पिछले|पहले के|पूर्व के|ऊपर दिए गए|पुराने) (?:सभी |सारे )?|(?:सभी"
                r"|सारे) (?:पिछले|पहले के|पूर्व|पुराने) |(?:अपने|अपनी) (?:सभी |सारे |सारी )?)"
                r"(?:दिए गए )?(?:निर्देशों|निर्देश|आदेशों|नियमों|नियम|हिदायतों) (?:को )?(?:पूरी तरह"
                r" )?(?:अनदेखा|नज़रअंदाज़|नजरअंदाज|नज़रअंदाज|भूल|अनदेखी|उपेक्षा))"
            ),
        ),
    )
)
"""Of instructions that were given before, or of yours; anywhere, as few words end a clause."""

VERBS = (
    _normal(rf"\b{_DROP}\b")
    + r"|\bact as|\babide by|\bhave to (?:follow|obey|comply)|\bneed to (?:follow|obey|comply)"
    + r"|\b(?:developer|god|dan|jailbreak|unrestricted) mode"
    + _normal("|bỏ qua|phớt lờ|quên|abaikan|lupakan")
    + "|ignor|oubli|vergi|vergess|missachte|verwirf|olvid|descarta|dimentic|esque|desconsidere"
    + "|negeer|vergeet|zapomnij|игнорир|забудь|отбрось|yok say|unut|görmezden|dikkate alma|boşver"
    + "|忽略|无视|忘记|忘掉|忽視|無視|不要理会|忘れ|무시|잊|تجاهل|انس|अनदेख|अंदाज|भूल|उपेक्षा"
)
"""Without any of these in a text there is no such order in it."""
