"""What an answer depends on beside the release or the model that gives it: guards and documents."""

from __future__ import annotations

from trimtab.app.front import Front
from trimtab.errors import ConfigError
from trimtab.records.behind import Behind


def behind(app: Front, project: str, name: str) -> Behind:
    """What stands behind a name that calls ask for.

    Raises:
        NotFound: nothing answers to it.
        StoreError: the documents of a corpus cannot be read.
    """
    resolution = app.gateway.snapshot.resolve(project, name)
    deployment = resolution.deployment
    retrieval = deployment.release.retrieval if deployment is not None else None
    corpora = {}
    if retrieval is not None:
        corpora[retrieval.corpus] = app.corpora.version(retrieval.corpus)
    try:
        policy = app.guarding.policies.of(project, resolution.guards)
    except ConfigError:
        return Behind(name=name, corpora=corpora)
    acts = policy.mode == "enforce"
    return Behind(
        name=name, guards=f"{policy.name}@{policy.version}" if acts else None, corpora=corpora
    )
