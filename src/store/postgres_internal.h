/* SPDX-License-Identifier: Apache-2.0 */
/* The connection, shared by postgres.c (connecting, statements) and postgres_data.c (parameters,
 * results, COPY, notifications). */
#ifndef SLUICE_STORE_POSTGRES_INTERNAL_H
#define SLUICE_STORE_POSTGRES_INTERNAL_H

#include "base/random.h"
#include "store/postgres.h"
#include "store/postgres_library.h"

#include <poll.h>
#include <stdatomic.h>

#define POSTGRES_SECRETS 2

struct postgres {
    PGconn *connection;
    bool ready;    /* connected and set up */
    uint64_t made; /* connections so far */
    char *string;
    char *secrets[POSTGRES_SECRETS];
    char name[64];
    uint64_t connect_ms;
    uint64_t statement_ms;
    bool (*on_connect)(struct postgres *postgres, void *user, struct error *error);
    void *user;
    uint64_t pause_ms;
    int64_t retry_ns; /* 0: at once */
    struct random random;
    struct error last_error; /* of the last try to connect */
    const char *channels[POSTGRES_CHANNELS_MAX];
    size_t channel_count;
    char state[6];
    int stop_fd;
    int wake_fd;
    atomic_bool stopped;
};

enum waited { WAITED_READY, WAITED_LATE, WAITED_STOPPED, WAITED_LOST };

int64_t postgres_now_ns(void);
int64_t postgres_deadline(const struct postgres *postgres);
enum waited postgres_wait_socket(struct postgres *postgres, short events, int64_t deadline_ns);
/* All set *error and return false. */
bool postgres_away(struct postgres *postgres, struct error *error);
bool postgres_give_up(struct postgres *postgres, enum waited waited, struct error *error);
MUST_USE bool postgres_may_ask(struct postgres *postgres, struct error *error);
/* Reads results to the end of the statement, or to the server's wish for data. */
MUST_USE bool postgres_collect(struct postgres *postgres, int64_t deadline_ns, PGresult **ret_last,
                               struct error *error);
int64_t postgres_affected(PGresult *result);

#endif
