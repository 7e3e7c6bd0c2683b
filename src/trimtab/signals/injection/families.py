"""The patterns of families of attacks, from the words that they share.

RE2 runs all of them at once. A gap without an end (`[^.?!]*`) costs less than one of so many
characters, which makes a state for each of them.
"""

from __future__ import annotations

from typing import NamedTuple


class Family(NamedTuple):
    """Wordings that say one thing.

    Args:
        name: its own.
        kind: of a finding.
        pattern: over a `View`: lower case, single spaces, digits that are none as letters.
    """

    name: str
    kind: str
    pattern: str


_DROP = (
    r"(?:ignor(?:e|ing)|disregard(?:ing)?|forget|discard|override|overrul(?:e|ing)|bypass|abandon"
    r"|neglect"
    r"|set aside|throw (?:out|away)|pay no attention to|stop (?:following|obeying|using)"
    r"|(?:do not|don't|never|no longer) (?:follow|obey|listen to|apply|use|adhere to)|cancel"
    r"|erase|wipe"
    r"|drop|dismiss|revoke|skip|cease following|put aside|unlearn|delete|clear)"
)
_ALL = (
    r"(?: (?:all|any|every|everything|each|of|the|your|these|those|my|our|that|what|whatever|and"
    r"|absolutely|entire|whole|other|such|please|completely|just|simply|from)){0,4}"
)
_PRIOR = (
    r"(?: (?:previous|prior|above|earlier|preceding|past|former|initial|original|existing|current"
    r"|foregoing"
    r"|aforementioned|system|developer|hidden|given|old|safety|standing|default|built-in|content"
    r"|ethical"
    r"|moderation|security|openai|usage|first|last)(?:ly)?(?:,| and| or)?){1,3}"
)
_RULES = (
    r"(?: (?:instructions?|directions?|directives?|rules?|guidelines?|prompts?|commands?|orders?"
    r"|constraints?|restrictions?|messages?|text|polic(?:y|ies)|programming|tasks?|guidance"
    r"|training|input"
    r"|context|filters?|limitations?|limits?|protocols?|safeguards?|measures))"
)
_YOURS = (
    r"(?:(?:your|the|all|any|its|these|those|my|this|full|exact|complete|entire|whole|original"
    r"|initial"
    r"|hidden|secret|internal|actual|first|very|of|system|developer|confidential|verbatim|own"
    r"|current"
    r"|preceding|previous|underlying|custom|me|us|with|text) ){0,6}"
)
_PROMPT = (
    r"(?:system ?(?:prompt|message|instructions?)|sys ?prompt|pre-?prompt|initial (?:prompt"
    r"|instructions?|message)"
    r"|(?:hidden|secret|original|internal|custom) (?:prompt|instructions?|rules|guidelines"
    r"|message)"
    r"|prompt(?: template)?|meta ?prompt|your instructions|your rules|your guidelines|developer"
    r" message"
    r"|(?:everything|text|words|lines?|content|instructions?|paragraph) (?:above|before this)"
    r"|text above)"
)
_SHOW = (
    r"(?:show|reveal|tell|print|output|display|repeat|give|share|write|spell|list|disclose|leak"
    r"|dump|expose"
    r"|recite|quote|copy|paste|return|echo|summari[sz]e|paraphrase|translate|state|provide"
    r"|divulge|rewrite"
    r"|read|restate|reproduce|encode|convert|type|say|send|describe|decode)"
)

FAMILIES = (
    Family(
        "drop_rules",
        "instruction_override",
        (rf"\b{_DROP}{_ALL}{_PRIOR}{_RULES}\b"),
    ),
    Family(
        "drop_told",
        "instruction_override",
        (
            rf"\b{_DROP}{_ALL}{_RULES}? ?(?:everything|anything|all|what|whatever)? ?(?:that )?"
            r"(?:(?:you|i|we|they) (?:(?:have|had|were|was|been|are) ){0,3}"
            r"(?:told|given|said|wrote|taught|instructed|received|learned|know)|(?:that )?came"
            r" before"
            r"|above|before this|so far|said before|until now|up to now)\b"
        ),
    ),
    Family(
        "drop_yours",
        "instruction_override",
        (rf"\b{_DROP}{_ALL} (?:your|all|any|every|the above){_ALL}{_RULES}\b"),
    ),
    Family(
        "rules_over",
        "instruction_override",
        (
            rf"(?:previous|prior|above|earlier|all|your|system|safety|content){_RULES}(?: (?:you"
            rf"|given|above))?"
            r" (?:is|are|have been|has been|were|was) (?:now )?"
            r"(?:cancel|void|revoked|outdated|obsolete|replaced|supersed|lifted|disabled"
            r"|suspended|null|overrid|off\b|irrelevant|removed)"
        ),
    ),
    Family(
        "new_rules",
        "instruction_override",
        (
            r"\b(?:new|updated|real|actual|revised|your next|your new|your only|your true|final"
            r"|additional)"
            r" (?:instructions?|task|goal|objective|mission|directives?|system prompt|orders?"
            r"|purpose|job|role)"
            r"(?: is| are)?(?: now)?(?: to\b|:| -| =)"
        ),
    ),
    Family(
        "overrides",
        "instruction_override",
        (
            r"(?:takes? (?:precedence|priority) over|supersedes?|overrides?|outranks?|replaces?) "
            rf"(?:all|any|every|the|your|everything){_ALL}(?:{_PRIOR}|{_RULES})"
        ),
    ),
    Family(
        "show_prompt",
        "prompt_extraction",
        (rf"\b{_SHOW} (?:out |back |down |me |us |to me )?{_YOURS}{_PROMPT}\b"),
    ),
    Family(
        "what_prompt",
        "prompt_extraction",
        (
            rf"\b(?:what(?:'s| is| are| was| were| does| do| did)?|which|how (?:is|are|was|were))"
            rf" {_YOURS}{_PROMPT}\b"
        ),
    ),
    Family(
        "told_before",
        "prompt_extraction",
        (
            r"\b(?:what|which|how|the) (?:\w+ ){0,3}(?:were|have|did|are|was|been) (?:you|your) "
            r"(?:\w+ ){0,2}"
            r"(?:told|given|instructed|programmed|configured|prompted|receive|forbidden|not"
            r" allowed|instructions)\b"
        ),
    ),
    Family(
        "above_verbatim",
        "prompt_extraction",
        (
            r"(?:above|before|first|instructions?|prompt|message|conversation)[^.?!]*"
            r"(?:verbatim|word[ -]for[ -]word|exactly as (?:written|it|they)|in a (?:code|text) ?"
            r"(?:block|box|fence))"
        ),
    ),
    Family(
        "starting_with",
        "prompt_extraction",
        (
            r"(?:start(?:ing|s)?|begin(?:ning|s)?) (?:with|from) (?:the (?:phrase|words?)"
            r" )?[\"'`“]?you are\b"
        ),
    ),
    Family(
        "secret",
        "prompt_extraction",
        (
            rf"\b{_SHOW} (?:me |us |out )?(?:the|your|that|this) (?:\w+ ){{0,2}}"
            r"(?:password|pass ?phrase|secret(?: (?:word|key|code|phrase))?|access code"
            r"|api[ _]keys?|flag|credentials)\b"
        ),
    ),
    Family(
        "you_are_now",
        "role_play",
        (
            r"\b(?:you are now|from now on,? (?:you|your)|you will now|you're now|henceforth you"
            r"|starting now,? you"
            r"|you are going to (?:act|pretend|play)|you have become|you are no longer)\b"
        ),
    ),
    Family(
        "persona",
        "role_play",
        (
            r"\b(?:dan|do anything now|stan|dude|aim|jailbr(?:eak|oken)|evil ?(?:bot|confidant"
            r"|gpt|ai)|developer mode|god mode|unrestricted mode|(?:debug|maintenance|admin|root"
            r"|sudo|dev) mode (?:on|enabled|activated|is))\b"
        ),
    ),
    Family(
        "unbound",
        "role_play",
        (
            r"\b(?:no|without|free (?:of|from)|not bound by|unbound by|freed from|beyond|any) "
            r"(?:any |all |the |your |its |more )?"
            r"(?:\w+ )?(?:restrictions?|limitations?|filters?|censorship|guidelines|rules"
            r"|ethic\w*|moral\w*|boundaries|constraints)\b"
        ),
    ),
    Family(
        "unfiltered",
        "role_play",
        (
            r"\b(?:unfiltered|uncensored|unrestricted|unlimited|amoral|jailbroken|unhinged"
            r"|unaligned)\b"
        ),
    ),
    Family(
        "stay",
        "role_play",
        (
            r"\b(?:never|not|without|don't) (?:break(?:ing)?|leav(?:e|ing)|step(?:ping)? out of) "
            r"(?:of )?(?:your |the |this )?(?:character|role|persona)\b|\bstay in character\b"
            r"|\bremain in (?:character|role)\b"
        ),
    ),
    Family(
        "no_refusal",
        "refusal_suppression",
        (
            r"\b(?:(?:do not|don't|never|must not|cannot|can't|not allowed to|no) (?:ever )?"
            r"(?:refus\w*|declin\w*|apologi\w*|warn\w*|disclaimers?|say (?:no|sorry|you can)"
            r"|reject|moraliz\w*|lectur\w*)"
            r"|(?:no|without|skip|omit|avoid) (?:any |the |all )?(?:warnings?|disclaimers?"
            r"|refusals?|ethical|moral\w*|apolog\w*|safety))"
        ),
    ),
    Family(
        "prefix",
        "refusal_suppression",
        (
            r"\b(?:start|begin|prefix|open|preface) (?:\w+ ){0,4}(?:with|by)(?: saying)?:?"
            r" ?[\"'“`]?"
            r"(?:sure|absolutely|of course|yes|certainly|step 0|here(?:'s| is))"
        ),
    ),
    Family(
        "fake_tag",
        "fake_message",
        (
            r"<\|?/?(?:im_start|im_end|system|sys|endoftext|admin|developer|instructions?|eot_id"
            r"|start_header_id|end_header_id|user|assistant)\|?>"
            r"|\[/?(?:inst|sys|system|admin|override)\]|<<(?:/)?sys>>"
        ),
    ),
    Family(
        "fake_head",
        "fake_message",
        (
            r"(?:^|[\[{(<#*=\n\"-] ?)"
            r"(?:system|sys|developer|admin(?:istrator)?|root|operator|security)"
            r"(?: (?:message|note|notice|update|override|prompt|alert|instruction|command"
            r"|announcement|directive))?[\])}*]* ?[:>]"
        ),
    ),
    Family(
        "fake_json",
        "fake_message",
        (r"[\"']role[\"'] ?: ?[\"'](?:system|developer|admin|base|core)"),
    ),
    Family(
        "fake_turn",
        "fake_message",
        (
            r"(?:assistant|ai|bot|model|chatgpt) ?: ?(?:sure|ok|of course|understood|yes|i will"
            r"|absolutely|done)[^:]*(?:user|human) ?:"
        ),
    ),
    Family(
        "end_of",
        "fake_message",
        (
            r"[-=#*<\[]{2,} ?(?:end|begin|start|new|stop)(?: of)? (?:\w+ ){0,2}(?:prompt"
            r"|instructions?|input|context|document|text|message|conversation|user|system|data"
            r"|session|task)"
        ),
    ),
    Family(
        "to_ai",
        "hidden_instruction",
        (
            r"\b(?:note|message|instructions?|reminder|attention|memo|info|hint|p\.?s\.?|todo"
            r"|dear|hey|important|warning)"
            r"(?: (?:to|for))? ?(?:all |any |the |every |our )?(?:ai|llms?|language models?"
            r"|assistants?|chat ?bots?|bots?|agents?|copilot|models?|automated (?:systems?"
            r"|readers?))\b"
        ),
    ),
    Family(
        "if_ai",
        "hidden_instruction",
        (
            r"\b(?:if|when|as|since) (?:you|the reader|whoever|anyone) (?:are|is|'re|reads?"
            r"|process\w*) (?:this )?(?:is )?(?:an? |the )?(?:ai|llm|language model|assistant|bot"
            r"|chatbot|automated|large language)\b"
        ),
    ),
    Family(
        "not_user",
        "hidden_instruction",
        (
            r"\b(?:do not|don't|never|without) (?:tell(?:ing)?|mention(?:ing)?|inform(?:ing)?"
            r"|alert(?:ing)?|show(?:ing)?|reveal(?:ing)?|notify(?:ing)?|asking) (?:this |it |that"
            r" )?(?:to )?(?:the )?(?:user|customer|reader|human|anyone|owner)\b"
        ),
    ),
    Family(
        "comment",
        "hidden_instruction",
        (
            r"<!--[^>]*(?:ai|assistant|llm|model|ignore|instruction|system|bot)\b|(?:display:"
            r" ?none|font-size: ?0|color: ?white|visibility: ?hidden|opacity: ?0)"
        ),
    ),
    Family(
        "decode",
        "encoded",
        (
            r"\b(?:decode|decrypt|decipher|unscramble|deobfuscate|de-?code|translate from (?:base"
            r"|hex|binary|rot))[^.?!]*"
            r"(?:follow|execute|obey|do (?:it|what)|act on|carry out|run|comply|answer|perform"
            r"|respond)"
        ),
    ),
    Family(
        "concatenate",
        "encoded",
        (
            r"\b(?:combine|concatenate|join|put together|string together|merge)[^.?!]*(?:follow"
            r"|execute|obey|do what|answer|say|output|print|run)|\b(?:print|say|output|execute"
            r"|answer) ?\(? ?[abxy] ?\+ ?[abxy]\b"
        ),
    ),
    Family(
        "exactly",
        "forced_output",
        (
            r"\b(?:say|print|output|write|reply|respond|answer|return|repeat after me|only say"
            r"|just say)(?: with| only| exactly| just| back| the (?:exact )?(?:phrase|words?"
            r"|string))*:? ?[\"'“`]"
        ),
    ),
    Family(
        "shell",
        "forced_output",
        (r"\b(?:run|execute|eval|bypass|perform)(?: the following| this)?(?: \w+)? ?:? ?`"),
    ),
)
