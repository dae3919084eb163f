// The precompiled header of the tests has to belong to some target.
