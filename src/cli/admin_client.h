/* SPDX-License-Identifier: Apache-2.0 */
/* One request to the running server over its admin socket beside the ledger. Blocks, a few seconds
 * at most. */
#ifndef SLUICE_CLI_ADMIN_CLIENT_H
#define SLUICE_CLI_ADMIN_CLIENT_H

#include "base/buf.h"
#include "base/error.h"

#define ADMIN_SOCKET_SUFFIX ".sock" /* behind the ledger's path */
#define ADMIN_ANSWER_MAX (64u << 20)

struct admin_answer {
    int status;
    struct buf text; /* head and body as received */
    struct slice body;
};

/* The path of the admin socket of this ledger. False: it would be longer than a socket's path may
 * be. */
MUST_USE bool admin_socket_path(const char *ledger, char *path, size_t size);
/* `body` empty: GET, else POST. Errors: "no_server" when nothing listens there, "admin_failed".
 * Release the answer's text. */
MUST_USE bool admin_ask(const char *socket_path, struct slice path, struct slice body,
                        struct admin_answer *ret_answer, struct error *error);

#endif
