#pragma once

#include <string_view>

/// What `--help` says below the list of options; the man page bearerd(1) says the same at length.
namespace bearerd::app::manual {

inline constexpr std::string_view program =
    R"(Apps on this machine send GraphQL over plain HTTP, without credentials, to the address
that bearerd listens on (127.0.0.1:8080 by default, paths / and /graphql). bearerd logs in
to the upstream, attaches the bearer token, forwards over TLS, and renews the token.

Exit status:
  0   fine            1   failed at run time        64  wrong usage
  69  upstream or login unavailable (login, status, wait)
  77  login rejected (login)                        78  bad configuration

Examples:
  bearerd check --config bearerd.yaml && bearerd --config bearerd.yaml
  curl http://127.0.0.1:8080/graphql -H 'Content-Type: application/json' \
       -d '{"query":"{ Cards { data { balance } } }"}'

See bearerd(1), bearerd.yaml(5), and bearerd COMMAND --help.)";

inline constexpr std::string_view run =
    R"(Listens, logs in, and serves until it is told to stop; logs to standard error.

Signals:
  SIGTERM, SIGINT  stop: accept no more, finish what is in flight within shutdown_grace,
                   exit 0; a second one answers all requests at once, exit 1; a third one ends
                   immediately
  SIGHUP           read the configuration and the password again; a file with a mistake is
                   reported and the running configuration stays; no request is lost. A changed
                   threads, journal.directory, journal.max_size or section fleet requires a
                   restart; a changed limits.request_header applies to new listeners.

Under systemd (Type=notify) it reports when it is ready and the state of the login, and feeds the
watchdog. It takes sockets handed over (listen.addresses: [systemd]), the password from the
credential "password", and keeps the token in $STATE_DIRECTORY unless the file says where.)";

inline constexpr std::string_view check =
    R"(Prints each problem as FILE:LINE:COLUMN: what is wrong, and what would be right. What
is valid but risky, such as a password file that other users may change, is printed as
FILE:LINE:COLUMN: warning: ... and leaves the exit status 0. Opens what the file names, as
the user who runs it: the password's file, TLS files, the token store's folder and key.
Changes nothing, sends nothing. As root, it warns of files that only root can read.

Just as the service would, with its user, credentials, paths and configuration file; as
root, where systemd runs:
  bearerd check --service bearerd
  bearerd check --service bearerd@SHOP

With --settings, it checks what the file says and opens nothing that it names: what the
unit's ExecReload= does first, so that systemctl reload fails for a file with a mistake.

Exit status: 0 the file is right, 78 it is not.)";

inline constexpr std::string_view login =
    R"(Logs in exactly as the service would, with the same checks of the certificate, and
prints upstream, identity, TLS version and cipher, and the token's life. Never prints,
stores or reuses the token. A running bearerd is not disturbed.

Just as the service would, with its user, credentials, paths and configuration file; as
root, where systemd runs:
  bearerd login --service bearerd
  bearerd login --service bearerd@SHOP

Exit status: 0 logged in, 69 upstream or login unavailable, 77 rejected: the
credentials are wrong, 78 bad configuration.)";

inline constexpr std::string_view status =
    R"(Asks the bearerd that runs with this configuration, through its admin listener
(admin.address), and prints its state; with --json, as JSON. Needs no
password.

Exit status: 0 it holds a token that is good, 69 it holds none or does not answer,
78 bad configuration.)";

inline constexpr std::string_view wait =
    R"(Returns as soon as the bearerd that runs with this configuration is ready: it listens,
holds a token that is good, and is not stopping. Asks /readyz at its admin listener
(admin.address) again and again; a bearerd that does not listen yet is waited for. Needs
no password. For scripts that start bearerd and then an app:
  bearerd wait --timeout 1m && start-the-till

Exit status: 0 ready, 69 not ready after the timeout (the message says why not),
78 bad configuration, or admin.address is off.)";

inline constexpr std::string_view journal =
    R"(Lists what is in journal.directory: when each mutation was about to be sent, under
which request id, with which key, and its outcome. EXECUTED says
  yes                 the upstream answered (where an error code follows, by an error)
  yes, by lookup      no whole answer came, but asking the upstream found it
  yes, by recovery    the same, later, in the background
  yes, unheard        it was executed, but the app was gone before its answer
  WORD, closed by ... a person has closed it
  see the other entry of this key
                      another request of the same transaction was executed
  no: CODE            it was not executed
  unknown: ...        nobody knows: check the key upstream before anything is sent again
  in flight           the running bearerd is waiting for the answer
Reads while bearerd runs; changes nothing. Run it as a user who may read the folder.

Exit status: 0 listed, 1 the journal can't be read, 78 bad configuration, or no journal
is kept.)";

inline constexpr std::string_view close =
    R"(Closes a mutation of unknown outcome. Who, when and why are kept in the journal. After "no" the
till can send it again with the same reference; after "yes" a repeat is answered ALREADY_EXECUTED;
after "unknown" a repeat is not sent, and its key stays remembered.

Works while bearerd runs and while it does not. Run it as root or as bearerd's user.

Exit status: 0 closed, 1 not closed, 64 wrong usage, 78 bad configuration, or no journal is kept.)";

} // namespace bearerd::app::manual
