"""Rate limits: token buckets, in this process or shared through a server."""
