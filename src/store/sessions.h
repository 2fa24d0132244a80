/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which conversation is at which target: a table in memory for all workers, bounded, the least
 * recently used out first, of the client key that has most of them; its copy in the ledger's
 * database, so that a restart loses nothing but the last moments; and the text that nodes of a
 * cluster share. Of a caller's own words nothing is kept: a session is the keyed hash of what names
 * it, and the client key it belongs to. Times are wall clock, since they outlive the process. Any
 * thread; a look-up is one short lock and one probe.
 */
#ifndef SLUICE_STORE_SESSIONS_H
#define SLUICE_STORE_SESSIONS_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"

struct sqlite3;
struct sessions;

#define SESSION_TARGET_MAX 200    /* bytes of a target's name */
#define SESSION_OTHERS 3          /* targets that it was at before */
#define SESSIONS_LOADED_MAX 32768 /* at the start, the newest ones */
#define SESSIONS_ROWS_MAX 262144  /* in the database */

/* What the prompt cache of another target is likely to have still. */
struct session_other {
    uint64_t name; /* hash_stable() of the target's; 0: none, nor behind it */
    int64_t warm_tokens;
    int64_t warm_until_ns;
};

struct session {
    uint64_t key;    /* sessions_hash(); 0: none */
    uint64_t owner;  /* client key's id; 0: nobody's */
    int64_t used_ns; /* the last answer */
    int64_t expires_ns;
    int64_t warm_tokens;   /* that the target's prompt cache had then */
    int64_t warm_until_ns; /* and is expected to have until */
    uint32_t turns;        /* answered */
    uint32_t stay;         /* the last ones of them, at this target */
    uint8_t tiers;         /* as session_tiers_add() has them (route/session.h) */
    uint8_t floor_tier;
    uint8_t target_len;
    bool unwritten;                              /* the table's own */
    struct session_other others[SESSION_OTHERS]; /* the latest first */
    char target[SESSION_TARGET_MAX];
};
static inline struct slice session_target(const struct session *session)
{
    return slice_of(session->target, session->target_len);
}
/* It moves on to a target of this name: what the one that it leaves has is kept among the others.
 */
void session_leave(struct session *session, struct slice name);
/* False: the name is too long. */
MUST_USE bool session_set_target(struct session *session, struct slice name);

/* `most`: entries, rounded up to a power of two; 0: 65,536. NULL: out of memory. */
MUST_USE struct sessions *sessions_new(size_t most);
/* NULL-safe. */
void sessions_free(struct sessions *sessions);

/* Never 0. The same for the same bytes as long as the secret is. */
uint64_t sessions_hash(const struct sessions *sessions, struct slice bytes);
/* Makes the secret from this name: all nodes of a cluster hash alike then. Any thread; what is
 * known under the old one is not found any more. */
void sessions_share(struct sessions *sessions, struct slice name);
/* False: there is none, it is another owner's, or its time was over at `now_ns`. */
MUST_USE bool sessions_get(struct sessions *sessions, uint64_t key, uint64_t owner, int64_t now_ns,
                           struct session *ret_session);
/* Inserts or replaces; where its place is taken, one leaves: one whose time was over when this one
 * was used, else of the owner who has most of the places there, the new session's before others,
 * the one that was not used for longest. Nobody's are one owner's. */
void sessions_put(struct sessions *sessions, const struct session *session);

struct sessions_stats {
    uint64_t entries; /* used ones, out of date or not */
    uint64_t evicted; /* before their time, since the start */
    uint64_t unsaved; /* changes that were not written to the database, for want of room */
};
void sessions_stats_read(struct sessions *sessions, struct sessions_stats *ret_stats);

/* --- as text, between nodes: one line of words, SESSION_TEXT_MAX bytes at most --- */
#define SESSION_TEXT_MAX 640
size_t session_write(const struct session *session, char out[SESSION_TEXT_MAX]);
/* Key and owner are the reader's to know. False: it is none. */
MUST_USE bool session_read(struct slice text, struct session *ret_session);

/* --- in the database of the ledger (sessions_table.c) --- */

/* Reads the secret and the sessions whose time is not over, before anything else is done with the
 * table. False: *error, and the table is empty and has a secret of its own. */
MUST_USE bool sessions_load(struct sessions *sessions, const char *path, int64_t now_ns,
                            struct error *error);
/* Is there anything to write? */
bool sessions_changed(struct sessions *sessions);
/* Inside a transaction of the ledger's writer: writes some of what has changed, removes what is out
 * of date. False: roll it back. sessions_written() follows either way. */
MUST_USE bool sessions_write(struct sessions *sessions, struct sqlite3 *db, int64_t now_ns);
void sessions_written(struct sessions *sessions, bool committed);

#endif
