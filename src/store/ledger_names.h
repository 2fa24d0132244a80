/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words to numbers and back: each word (a target, a model, an error code ...) is stored once. The
 * cache is bounded, because clients choose some of the words; what it does not hold is asked of the
 * database.
 */
#ifndef SLUICE_STORE_LEDGER_NAMES_H
#define SLUICE_STORE_LEDGER_NAMES_H

#include "base/map.h"
#include "store/database.h"

#define NAME_MEMO_TEXT 48
#define NAME_MEMOS 256

/* The last word for each short hash, found without hashing properly. */
struct name_memo {
    int64_t id;
    uint32_t len;
    char text[NAME_MEMO_TEXT];
};

struct names {
    struct map ids;
    struct name_memo *memos;
    sqlite3_stmt *find; /* borrowed */
    sqlite3_stmt *add;
    bool bytes; /* they are no text */
};

extern const char names_find_sql[];
extern const char names_add_sql[];
/* Of menus (offer.h), which are numbered likewise. */
extern const char menus_find_sql[];
extern const char menus_add_sql[];

MUST_USE bool names_init(struct names *names, sqlite3_stmt *find, sqlite3_stmt *add, bool bytes);
void names_release(struct names *names);
/* Forgets the cache: after a rollback, numbers in it may not exist. */
void names_clear(struct names *names);
/* The word's number, given inside the caller's transaction if it is new; 0 for the empty word, -1
 * on failure. */
MUST_USE int64_t names_id(struct names *names, struct slice word);

#endif
