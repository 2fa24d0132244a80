/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit log: what was done to keys and limits, and what was refused, as a chain. Each entry's
 * hash is SHA-256 over the hash before it and all of its own members, each with its length, so that
 * an entry cannot be changed, taken out, added in between or moved without every later hash being
 * wrong; the state row of the database holds the last hash, so that the end cannot be cut off
 * alone. Whoever can write the whole database can write a new chain: keep the last hash elsewhere
 * now and then (`sluice audit verify` prints it and takes it back). Entries hold no secrets.
 */
#ifndef SLUICE_STORE_AUDIT_H
#define SLUICE_STORE_AUDIT_H

#include "base/arena.h"
#include "base/error.h"

#define AUDIT_HASH_SIZE 32
#define AUDIT_HASH_TEXT_SIZE 65 /* hexadecimal, with the NUL */
#define AUDIT_TEXT_MAX 256      /* of each word; longer ones are cut */
#define AUDIT_DETAIL_MAX 4096
#define AUDIT_LIST_MAX 1000

struct audit_entry {
    uint64_t id; /* 1, 2, 3 ...; given when it is recorded */
    int64_t at_ns;
    struct slice actor;   /* "local", "admin:3 ops", "key:17 alice", "stranger" */
    struct slice source;  /* "cli", "socket", "192.0.2.1" */
    struct slice action;  /* "key.create" */
    struct slice subject; /* "key:17 alice" */
    struct slice outcome; /* "ok", or the stable code of the refusal */
    struct slice detail;  /* JSON, or empty */
    uint8_t hash[AUDIT_HASH_SIZE];
};

/* Records acts that changed nothing else, in one transaction. Bytes that are no printable text
 * become '?'. In a database that belongs to a cluster they wait in `audit_waiting` for their place
 * in its chain (key_share.h), AUDIT_WAITING_MAX of them; more are dropped: "audit_full". */
MUST_USE bool audit_record(const char *path, const struct audit_entry *entries, size_t count,
                           struct error *error);

struct audit_head {
    int64_t count;
    char hash[AUDIT_HASH_TEXT_SIZE]; /* of the last entry; 64 zeroes when there is none */
};
/* Walks the whole chain. "audit_violation": *error names the first entry that is wrong. `expected`:
 * a hash that the chain must contain (from an earlier verification), or empty. */
MUST_USE bool audit_verify(const char *path, struct slice expected, struct audit_head *ret_head,
                           struct error *error);

struct audit_page {
    struct audit_entry *entries; /* newest first */
    size_t count;
    uint64_t next; /* pass as `before` for the page after this one; 0: the end */
};
/* `before` 0: from the newest. Everything in *ret_page lives in `arena`. */
MUST_USE bool audit_list(const char *path, uint64_t before, size_t limit, struct arena *arena,
                         struct audit_page *ret_page, struct error *error);

#endif
