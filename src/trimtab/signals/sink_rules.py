"""What is dangerous in which sink. Patterns are RE2's, without case; `.` takes line breaks.

The kinds of weakness are those of the CWE list: 89 (SQL), 78 (shell), 95 (code), 502
(deserialisation), 79 (HTML), 1336 (template), 22 (path), 1236 (formula), 611 (XML entities), 113
(header).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Sink = Literal["sql", "shell", "code", "html", "template", "path", "spreadsheet", "xml", "header"]


class Rule(NamedTuple):
    kind: str
    risk: float
    pattern: str


_NAME = r"[\w.\"`\[\]]{1,80}"

RULES: dict[Sink, tuple[Rule, ...]] = {
    "sql": (
        Rule(
            "destructive_sql",
            0.9,
            r"\bdrop\s+(?:table|database|schema|view|user|role)\s+(?:if\s+exists\s+)?"
            rf"[\"`\[]?\w+[\"`\].\w]*\s*(?:;|cascade|--|$)|\btruncate\s+table\s+{_NAME}"
            rf"|\bdelete\s+from\s+{_NAME}\s*(?:;|$|--)"
            rf"|\bupdate\s+{_NAME}\s+set\s+[^;]{{1,200}}\bwhere\s+1\s*=\s*1",
        ),
        Rule(
            "sql_injection",
            0.8,
            r"['\"]\s*(?:or|and)\s+['\"]?(?:1['\"]?\s*=\s*['\"]?1|true\b|[a-z]['\"]\s*=\s*['\"][a-z])"
            r"|\bunion\s+(?:all\s+)?select\b|['\"]\s*;\s*(?:drop|delete|insert|update|alter|exec)\b"
            r"|\bwaitfor\s+delay\s+'|\b(?:pg_sleep|sleep|benchmark)\s*\(\s*\d+\s*[,)]\s*(?:--|#|')",
        ),
        Rule(
            "sql_escape",
            0.8,
            r"\bxp_cmdshell\b|\binto\s+(?:out|dump)file\s*['\"]|\bload_file\s*\(|\bcopy\s+"
            rf"{_NAME}\s+(?:from|to)\s+program\b|\bgrant\s+all\s+privileges\b|\bsp_oacreate\b",
        ),
    ),
    "shell": (
        Rule(
            "destructive_command",
            0.9,
            r"\brm\s+(?:-\w+\s+|--[\w-]+\s+){0,5}(?:-\w*(?:r\w*f|f\w*r)\w*|--recursive\s+--force"
            r"|-r\s+-f|-f\s+-r)\s+(?:--\w[\w-]*\s+)?[\w\"'$~/*.]|\bmkfs(?:\.\w+)?\s+/dev|\bdd\s+[^\n]{0,80}\bof=/dev/"
            r"|>\s*/dev/(?:sd|nvme|hd)\w|:\s*\(\s*\)\s*\{\s*:\s*\|\s*:\s*&\s*\}|\bformat\s+c:"
            r"|\b(?:del|erase)\s+(?:/[fsq]\s+){1,3}|\b(?:rd|rmdir)\s+/s|\bchmod\s+-R\s+777\s+/"
            r"|\bRemove-Item\s+[^\n]{0,60}-Recurse[^\n]{0,40}-Force|\bvssadmin\s+delete\b",
        ),
        Rule(
            "remote_execution",
            0.9,
            r"\b(?:curl|wget|fetch)\b[^\n|;]{1,300}\|\s*(?:sudo\s+)?(?:ba|z|da|k)?sh\b"
            r"|\b(?:curl|wget)\b[^\n|;]{1,300}\|\s*(?:sudo\s+)?(?:python3?|perl|ruby|node|php)\b"
            r"|\b(?:ba)?sh\s+(?:-c\s+\"?\$\(|<\()\s*(?:curl|wget)\b|\|\s*base64\s+(?:-d|--decode)"
            r"\s*\|\s*(?:ba|z)?sh|/dev/tcp/[\w.]+/\d|\bnc(?:at)?\s+(?:[^\n]{0,60}\s)?-[ec]\s+/?\w"
            r"|\b(?:powershell|pwsh)(?:\.exe)?\s[^\n]{0,120}-e(?:nc|ncodedcommand|c)?\s+[a-z0-9+/=]"
            r"{8}|\b(?:iex|invoke-expression)\b[^\n]{0,60}(?:downloadstring|webrequest|iwr|irm)"
            r"|downloadstring\s*\([^\n]{1,200}\|\s*iex\b|\b(?:iwr|irm)\b[^\n|]{1,200}\|\s*iex\b"
            r"|\bcertutil\b[^\n]{0,60}-urlcache|\bmshta\s+https?:",
        ),
        Rule(
            "command_injection",
            0.5,
            r"(?:;|&&|\|\|?)\s*(?:cat|less|head)\s+/etc/\w|\$\((?:curl|wget|cat|id|whoami|nc)\b"
            r"|`(?:curl|wget|cat|id|whoami|nc)\s[^`\n]{1,120}`|\bcrontab\s+-r\b"
            r"|>>?\s*~?/?[\w/.]*authorized_keys\b",
        ),
    ),
    "code": (
        Rule(
            "code_execution",
            0.6,
            r"\bos\.(?:system|popen|exec[lv]p?e?)\s*\(|\bsubprocess\.\w+\s*\([^\n]{0,200}"
            r"shell\s*=\s*true|__import__\s*\(\s*['\"](?:os|subprocess|pty|socket)\b"
            r"|(?:^|[^\w.])(?:eval|exec)\s*\(\s*(?:[\w.]*(?:input|request|atob|decode|fetch|read)"
            r"|compile|base64|user)|\bgetruntime\s*\(\s*\)\s*\.\s*exec\s*\("
            r"|\bchild_process\b[^\n]{0,60}\bexec|\bnew\s+function\s*\(\s*['\"]"
            r"|\b(?:shell_exec|passthru|proc_open)\s*\(|\bnew\s+processbuilder\s*\("
            r"|\bshutil\.rmtree\s*\(\s*['\"]/",
        ),
        Rule(
            "code_execution",
            0.8,
            r"__import__\s*\(\s*['\"](?:os|subprocess|pty|socket)['\"]\s*\)\s*\.\s*\w+\s*\("
            r"|(?:^|[^\w.])(?:eval|exec)\s*\(\s*[\w.]*(?:atob|b64decode|fromcharcode)\s*\(",
        ),
        Rule(
            "deserialisation",
            0.6,
            r"\b(?:c?pickle|dill|marshal|shelve|joblib)\.loads?\s*\(|\byaml\.(?:unsafe_load|load"
            r"\s*\(\s*[^)\n]{0,80}(?:unsafe|full)?loader)|\byaml\.load\s*\(\s*\w+\s*\)"
            r"|\bobjectinputstream\b|\bbinaryformatter\b|\bunserialize\s*\(\s*\$_|!!python/object"
            r"|\bO:\d{1,4}:\"\w+\":\d",
        ),
    ),
    "html": (
        Rule(
            "script",
            0.8,
            r"<\s*script\b[^>]{0,300}>?|\bjavascript:[\w$(\[%/]|<\s*svg\b[^>]{0,200}\bonload\s*="
            r"|<\s*(?:iframe|object|embed|applet)\b[^>]{0,300}>?|\bsrcdoc\s*=\s*['\"]"
            r"|<\s*[a-z]+\b[^<>]{0,300}[\s/\"']on[a-z]{3,20}\s*=\s*[\"'\w]",
        ),
        Rule(
            "dom_access",
            0.5,
            r"\bdocument\.(?:cookie|write\s*\()|\.innerhtml\s*=|\blocalstorage\.getitem\s*\("
            r"|\bwindow\.location\s*=\s*['\"]http",
        ),
    ),
    "template": (
        Rule(
            "template_injection",
            0.8,
            r"\{\{[^}\n]{0,200}(?:__\w+__|\bconfig\b|\bself\.|\bcycler\b|\blipsum\b|constructor"
            r"|\brequest\.|\d\s*\*\s*\d|\.mro\b|popen)[^}\n]{0,200}\}\}|\{%[^%\n]{0,100}(?:import"
            r"|include|debug)[^%\n]{0,100}%\}|\$\{\s*(?:jndi|lower|upper|env|sys|script|dns|url)\s*:"
            r"|\$\{\s*(?:t\s*\(\s*java|\d+\s*\*\s*\d+|[^}\n]{0,100}getruntime)|<%=?\s*[^%\n]{0,100}"
            r"(?:system|exec|file\.|`)|#\{\s*(?:\d+\s*\*\s*\d+|[^}\n]{0,100}(?:system|exec))",
        ),
    ),
    "path": (
        Rule(
            "path_traversal",
            0.7,
            r"(?:\.\.[/\\]){2,}[\w.]|(?:%2e%2e|\.\.)(?:%2f|%5c|%252f)|%c0%ae|\.\.[/\\](?:etc|windows"
            r"|proc|root)[/\\]",
        ),
        Rule(
            "sensitive_path",
            0.5,
            r"/etc/(?:passwd|shadow|sudoers)\b|/proc/self/(?:environ|mem|cmdline)\b|\bfile:///"
            r"|\bc:\\+windows\\+system32\b|(?:~|/root|/home/\w{1,32})/\.(?:ssh|aws|gnupg)/"
            r"|[\w./]%00(?:\.\w|$)|\b169\.254\.169\.254\b",
        ),
    ),
    "spreadsheet": (
        Rule(
            "formula",
            0.7,
            r"(?:^|[\n\t,;|\"])\s*[=+@-]\s*[+-]?(?:hyperlink|webservice|import(?:xml|data|html|feed"
            r"|range)|image|dde|exec|call|register\.id|rtd|filterxml|indirect)\s*\("
            r"|(?:^|[\n\t,;|\"])\s*[=+@-][^\n,]{0,40}\b(?:cmd|powershell|mshta|rundll32|msexcel)"
            r"(?:\.exe)?\s*\|",
        ),
    ),
    "header": (
        # As real line breaks they are what every header ends with.
        Rule(
            "header_injection",
            0.7,
            r"%0d%0a(?:%20)?(?:set-cookie|location|content-(?:type|length)|transfer-encoding|host|refresh"
            r"|x-[\w-]{2,40}|%0d%0a|http/1|<)",
        ),
    ),
    "xml": (
        Rule(
            "external_entity",
            0.8,
            r"<!entity\s+%?\s*[\w.-]+\s+(?:system|public)\s+['\"]|<!doctype\s[^>\[]{0,120}\["
            r"[^\]]{0,300}<!entity|<xi:include\b[^>]{0,120}href|<\?xml-stylesheet\b[^>]{0,120}href",
        ),
    ),
}
