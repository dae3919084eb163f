// A precompiled header has to belong to some target.
