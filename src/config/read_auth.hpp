#pragma once

#include "section.hpp"

/// `auth`, and the credentials of every kind of login (contract 7 and 11).
namespace bearerd::config {

/// Reads `auth`, except for secrets and for what needs the URL of the upstream.
void read_auth(Section in, Auth& out);

/// The user or client that logs in, and its secret: from `credentials`, or `auth` itself for other kinds than
/// `graphql`. `root` is the whole file. Call it after read_auth().
void read_credentials(Section root, const Environment& environment, const Auth& auth, Credentials& out);

} // namespace bearerd::config
