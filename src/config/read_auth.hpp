#pragma once

#include "section.hpp"

/// `auth`, and the credentials of every kind of login (contract 7 and 11).
namespace bearerd::config {

/// `auth`, but for secrets and for what takes the URL of the upstream.
void read_auth(Section in, Auth& out);

/// The user or client that logs in, and its secret: from `credentials`, or `auth` itself for other kinds than
/// `graphql`. `root` is the whole file. To be called after read_auth().
void read_credentials(Section root, const Environment& environment, const Auth& auth, Credentials& out);

} // namespace bearerd::config
