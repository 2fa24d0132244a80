/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_names.h"

#include "base/memory.h"

#define NAMES_CACHED_MAX 8192

const char names_find_sql[] = "SELECT id FROM names WHERE name = ?1";
const char names_add_sql[] = "INSERT INTO names(name) VALUES(?1)";
const char menus_find_sql[] = "SELECT id FROM menus WHERE candidates = ?1";
const char menus_add_sql[] = "INSERT INTO menus(candidates) VALUES(?1)";

bool names_init(struct names *names, sqlite3_stmt *find, sqlite3_stmt *add, bool bytes)
{
    names->bytes = bytes;
    map_init(&names->ids);
    names->find = find;
    names->add = add;
    names->memos = memory_array(NAME_MEMOS, sizeof(names->memos[0]));
    return names->memos != NULL;
}

void names_release(struct names *names)
{
    map_release(&names->ids);
    memory_free(names->memos);
    names->memos = NULL;
}

void names_clear(struct names *names)
{
    map_release(&names->ids);
    map_init(&names->ids);
    memset(names->memos, 0, NAME_MEMOS * sizeof(names->memos[0]));
}

/* A slot for a word of 1 to NAME_MEMO_TEXT bytes; words that share it push each other out. */
static struct name_memo *memo_of(const struct names *names, struct slice word)
{
    unsigned char first = (unsigned char)word.ptr[0];
    unsigned char middle = (unsigned char)word.ptr[word.len / 2];
    unsigned char last = (unsigned char)word.ptr[word.len - 1];
    size_t mixed = word.len * 7 + first * 31u + middle * 57u + last * 131u;
    return &names->memos[mixed % NAME_MEMOS];
}

static void bind_word(const struct names *names, sqlite3_stmt *sql, struct slice word)
{
    if (names->bytes) {
        sqlite3_bind_blob(sql, 1, word.ptr, (int)word.len, SQLITE_STATIC);
    } else {
        bind_slice(sql, 1, word);
    }
}

/* 0: not there; -1: failure. */
static int64_t find_stored(struct names *names, struct slice word)
{
    bind_word(names, names->find, word);
    int status = sqlite3_step(names->find);
    int64_t id = status == SQLITE_ROW ? sqlite3_column_int64(names->find, 0) : 0;
    if (sqlite3_reset(names->find) != SQLITE_OK) {
        return -1;
    }
    return id;
}

static int64_t find_or_add(struct names *names, struct slice word)
{
    int64_t id = find_stored(names, word);
    if (id != 0) {
        return id;
    }
    bind_word(names, names->add, word);
    if (!database_run(names->add)) {
        return -1;
    }
    return sqlite3_last_insert_rowid(sqlite3_db_handle(names->add));
}

static int64_t id_cached(struct names *names, struct slice word)
{
    int64_t id = (int64_t)(intptr_t)map_get(&names->ids, word);
    if (id != 0) {
        return id;
    }
    id = find_or_add(names, word);
    if (id > 0) {
        if (names->ids.used >= NAMES_CACHED_MAX) {
            names_clear(names);
        }
        /* Out of memory: it is only a cache. */
        (void)!map_set(&names->ids, word, (void *)(intptr_t)id);
    }
    return id;
}

int64_t names_id(struct names *names, struct slice word)
{
    if (word.len == 0) {
        return 0;
    }
    if (word.len > NAME_MEMO_TEXT) {
        return id_cached(names, word);
    }
    struct name_memo *memo = memo_of(names, word);
    if (memo->len == word.len && memcmp(memo->text, word.ptr, word.len) == 0) {
        return memo->id;
    }
    int64_t id = id_cached(names, word);
    if (id > 0) {
        memo->id = id;
        memo->len = (uint32_t)word.len;
        memcpy(memo->text, word.ptr, word.len);
    }
    return id;
}
