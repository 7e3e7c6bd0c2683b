"""Top-level domains, as far as a name without a scheme may be told from a file or an attribute.

Source: the root zone (https://www.iana.org/domains/root/db): country codes, and the generic
names in common use.
"""

from __future__ import annotations

from trimtab.signals.pii.view import lexicon

COUNTRIES = lexicon(
    """ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br
    bs bt bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz
    ec ee eg er es et eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw
    gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw
    ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu
    mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt
    pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc
    td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws
    ye yt za zm zw"""
)
GENERIC = lexicon(
    """com org net edu gov mil int info biz name pro aero coop museum jobs mobi travel tel asia
    cat app dev page blog shop store online site website tech cloud digital agency studio
    design media news live world today life email group team company solutions services
    systems network software academy school university health clinic care bank finance money
    tax law legal consulting support help guide tips wiki social chat video photo photos
    gallery art music film games game fun club events party wedding restaurant cafe bar pizza
    wine beer coffee kitchen recipes fashion shoes jewelry beauty fitness yoga bike run sport
    football golf pet dog house homes property estate rentals apartments hotel hotels holiday
    tours flights city town london paris berlin nyc tokyo africa eu xyz top icu vip club site
    space press link click one zone plus global international foundation charity church green
    eco energy solar garden farm build tools works center expert ventures capital fund
    partners management marketing domains hosting computer codes technology science
    engineering ai"""
)
WORDS = lexicon("""in it is me my no at be do to so as am by us la pm re id name py md sh rs""") | (
    lexicon("""pl cc ml ps st app run live name tel pro one bar fun help zone works tools page""")
)
"""Those that are words, or the endings of files and attributes: a bare name that ends in one needs
more to be taken for a domain."""

SPOKEN = lexicon("""in it me my no at be to am by us la re""")
"""Those of them that end no file and name no attribute: after a long name they are a domain's."""

KNOWN = COUNTRIES | GENERIC
