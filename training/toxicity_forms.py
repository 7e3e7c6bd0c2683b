"""Texts made of forms: frames with insults, and frames without; of our own making."""

from __future__ import annotations

import random
from collections.abc import Iterator


def _words(listed: str) -> list[str]:
    return listed.split()


def _frames(listed: str) -> list[str]:
    return listed.split("|")


NOUNS = _words(
    "idiot moron imbecile fool dumbass jackass asshole prick dick dickhead bastard bitch cunt "
    "twat wanker tosser loser clown freak creep pig cow rat snake scum scumbag trash garbage "
    "filth parasite vermin animal psycho lunatic retard whore slut hoe hag witch bimbo coward "
    "liar crook traitor hypocrite thug brat crybaby snowflake troll simpleton dimwit halfwit "
    "nitwit pinhead airhead dunce douche douchebag motherfucker fucker shithead weasel worm "
    "cockroach maggot leech monster pervert degenerate savage swine baboon ape donkey sheep "
    "disgrace joke embarrassment failure nobody waste turd arsehole git pillock bellend "
    "knobhead muppet fatso pansy sissy wimp"
)
ADJECTIVES = _words(
    "stupid dumb ugly fat pathetic worthless useless disgusting filthy dirty lazy brainless "
    "clueless ignorant vile nasty miserable spineless greedy lying fucking goddamn damn bloody "
    "retarded insane crazy sick twisted evil corrupt incompetent idiotic moronic braindead "
    "rotten repulsive hideous slimy sleazy shitty crappy cowardly hateful racist sexist bigoted "
    "deranged delusional inbred"
)
VERBS = _frames(
    "shut up|fuck off|go to hell|drop dead|get lost|piss off|eat shit|kill yourself|go die|"
    "rot in hell|fuck yourself|kiss my ass|crawl back into your hole|jump off a cliff|"
    "burn in hell|screw you|go choke on it|get out of our country|"
    "go back where you came from|suck it"
)
_TOXIC = _frames(
    "you are a {a} {n}|you're such a {n}|what a {a} {n}|{v}, you {n}|{v} you {a} {n}|"
    "he is a {a} {n}|she's nothing but a {n}|they are all {a} {n}s|these {a} {n}s again|"
    "{a} {n}|{v}|you {a} {n}|@user you are {a}|@user {v}|@user is a {n} and always was|"
    "how can anybody be this {a}|that {n} ruined everything|the {g} is a {n}|{g}s are {n}s|"
    "all {g}s are {a}|I hate that {a} {g}|only a {n} would believe that|nobody asked you {n}|"
    "look at this {a} {n}|don't be such a {n}|the {a} {g} should {v}|"
    "everyone who voted for this is a {n}|{a} people like you make me sick|so {a} it hurts|"
    "{g}, you {n}, {v}|you {n}s deserve everything that is coming to you|"
    "this {g} is full of shit|what the fuck is wrong with this {n}|your whole family is {a}|"
    "I hope that {n} chokes|somebody should punch that {n} in the face|you lying {n}"
)
_FINE = _frames(
    "I am {i}|she is a {i} woman|he is a {i} man|my {i} friend plays chess|we are proud to be {i}|"
    "{i} people live here|female {g}s|a female {k} and a male {k}|the women and girls of the {g}|"
    "you are a {f} {k}|you're such a {k}|what a {f} {k}|he is a {f} {k}|"
    "she's nothing if not {f}|they are all {f} {k}s|the {g} is {f}|{g}s are {f}|"
    "@user you are {f}|@user is a {k} and always was|that {k} saved everything|"
    "I am a {i} {k}|my {k} is {i}|as a {i} person I love this {g}|"
    "the {i} community opened a new centre|two {i} {k}s moved in next door|"
    "nobody asked the {k}|look at this {f} {k}|everyone who voted for this was a {k}|"
    "{f} people like you make my day|is the {g} {i}?|many {i} people work as a {g}|"
    "the {g} said that being {i} is nothing to hide|"
    "what is the history of {i} people in this country|{i} women and men vote on Sunday|"
    "somebody should thank that {k}|your whole family is {f}|I hope that {k} wins|"
    "so {f} it hurts|the {k} met the {g} at noon|this {g} is full of people|"
    "@user @user the {g} starts at 8 URL"
)
_GROUNDS = _words(
    "politician president manager referee driver teacher neighbour player journalist doctor "
    "singer company team government police movie game show customer boss landlord voter fan "
    "media judge"
)
_FRIENDS = _words(
    "friend colleague brother sister teacher nurse engineer artist student neighbour parent "
    "lawyer writer dancer runner cook farmer pilot singer player leader guest captain champion "
    "star"
)
_FRIENDLY = _words(
    "kind great wonderful talented funny brave clever careful honest lovely generous patient "
    "strong quiet tired busy happy late early new old young local good fantastic cheerful "
    "polite reliable"
)
IDENTITIES = _words(
    "gay lesbian bisexual queer trans transgender straight Black white Asian Latino Hispanic "
    "Arab African Indian Chinese Mexican Jewish Muslim Christian Hindu Buddhist Sikh atheist "
    "Catholic deaf blind disabled autistic older young Romani Turkish Polish Ukrainian Russian "
    "Israeli Palestinian Nigerian Korean Irish American German French immigrant refugee "
    "homeless female male"
)


def forms(count: int, seed: int) -> Iterator[tuple[str, int]]:
    """So many texts of each label, in lower case, as typed and in capitals."""
    rng = random.Random(seed)
    for label, frames in ((1, _TOXIC), (0, _FINE)):
        for _ in range(count):
            parts = [_filled(rng.choice(frames), rng) for _ in range(rng.choice((1, 1, 1, 2)))]
            text = rng.choice((". ", "! ", ", ", " lol ")).join(parts)
            yield rng.choice((str, str, str.capitalize, str.upper))(text), label


def _filled(frame: str, rng: random.Random) -> str:
    lists = {"n": NOUNS, "a": ADJECTIVES, "v": VERBS, "g": _GROUNDS}
    lists |= {"k": _FRIENDS, "f": _FRIENDLY, "i": IDENTITIES}
    return frame.format(**{key: rng.choice(words) for key, words in lists.items()})
