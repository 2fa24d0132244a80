/* SPDX-License-Identifier: Apache-2.0 */
#include "store/audit.h"

#include "store/audit_internal.h"
#include "store/key_share.h"
#include "store/ledger_schema.h"
#include "store/limit_change.h"

#include <openssl/evp.h>

enum { WORD_ACTOR, WORD_SOURCE, WORD_ACTION, WORD_SUBJECT, WORD_OUTCOME, WORD_DETAIL, WORDS };

/* --- the chain ---------------------------------------------------------------------------------
 */

static void put_u64(uint8_t bytes[8], uint64_t value)
{
    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

static void entry_words(const struct audit_entry *entry, struct slice words[WORDS])
{
    words[WORD_ACTOR] = entry->actor;
    words[WORD_SOURCE] = entry->source;
    words[WORD_ACTION] = entry->action;
    words[WORD_SUBJECT] = entry->subject;
    words[WORD_OUTCOME] = entry->outcome;
    words[WORD_DETAIL] = entry->detail;
}

/* Hash before | id | at_ns | length and bytes of each word; numbers of 64 bits, little-endian. */
static bool digest_entry(EVP_MD_CTX *digest, const uint8_t before[AUDIT_HASH_SIZE],
                         const struct audit_entry *entry, uint8_t ret_hash[AUDIT_HASH_SIZE])
{
    struct slice words[WORDS];
    uint8_t number[8];
    unsigned size = 0;
    entry_words(entry, words);
    bool done = EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(digest, before, AUDIT_HASH_SIZE) == 1;
    put_u64(number, entry->id);
    done = done && EVP_DigestUpdate(digest, number, sizeof(number)) == 1;
    put_u64(number, (uint64_t)entry->at_ns);
    done = done && EVP_DigestUpdate(digest, number, sizeof(number)) == 1;
    for (size_t i = 0; i < WORDS && done; i++) {
        put_u64(number, words[i].len);
        done = EVP_DigestUpdate(digest, number, sizeof(number)) == 1 &&
               EVP_DigestUpdate(digest, words[i].ptr, words[i].len) == 1;
    }
    return done && EVP_DigestFinal_ex(digest, ret_hash, &size) == 1 && size == AUDIT_HASH_SIZE;
}

static bool hash_entry(const uint8_t before[AUDIT_HASH_SIZE], const struct audit_entry *entry,
                       uint8_t ret_hash[AUDIT_HASH_SIZE])
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool done = digest != NULL && digest_entry(digest, before, entry, ret_hash);
    EVP_MD_CTX_free(digest);
    return done;
}

struct chain_end {
    uint64_t count;
    uint8_t hash[AUDIT_HASH_SIZE]; /* zeroes: there is no entry */
};

static bool read_end(sqlite3 *db, struct chain_end *ret_end)
{
    sqlite3_stmt *row = database_prepare(db, "SELECT audit_count, audit_hash FROM state");
    bool done = row != NULL && sqlite3_step(row) == SQLITE_ROW;
    *ret_end = (struct chain_end){0};
    if (done) {
        ret_end->count = (uint64_t)sqlite3_column_int64(row, 0);
        const void *hash = sqlite3_column_blob(row, 1);
        if (hash != NULL && sqlite3_column_bytes(row, 1) == AUDIT_HASH_SIZE) {
            memcpy(ret_end->hash, hash, AUDIT_HASH_SIZE);
        }
    }
    return sqlite3_finalize(row) == SQLITE_OK && done;
}

static bool write_end(sqlite3 *db, const struct chain_end *end)
{
    sqlite3_stmt *sql = database_prepare(db, "UPDATE state SET audit_count = ?, audit_hash = ?");
    if (sql == NULL) {
        return false;
    }
    sqlite3_bind_int64(sql, 1, (int64_t)end->count);
    sqlite3_bind_blob(sql, 2, end->hash, AUDIT_HASH_SIZE, SQLITE_STATIC);
    bool done = database_run(sql);
    sqlite3_finalize(sql);
    return done;
}

/* --- recording ---------------------------------------------------------------------------------
 */

/* Printable UTF-8 in one line, whatever came in; at most `most` bytes of it, in `out`. */
static struct slice clean(struct slice word, char *out, size_t most)
{
    size_t len = 0;
    while (word.len > 0) {
        size_t length = text_printable_length(word);
        size_t taken = length == 0 ? 1 : length;
        if (len + taken > most) {
            break;
        }
        if (length == 0) {
            out[len] = '?';
        } else {
            memcpy(out + len, word.ptr, length);
        }
        len += taken;
        word = slice_from(word, taken);
    }
    return slice_of(out, len);
}

static bool insert_row(sqlite3 *db, const struct audit_entry *entry)
{
    struct slice words[WORDS];
    sqlite3_stmt *sql = database_prepare(
        db, "INSERT INTO audit(id, at_ns, actor, source, action, subject, outcome, detail, hash)"
            " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)");
    if (sql == NULL) {
        return false;
    }
    entry_words(entry, words);
    sqlite3_bind_int64(sql, 1, (int64_t)entry->id);
    sqlite3_bind_int64(sql, 2, entry->at_ns);
    for (int i = 0; i < WORDS; i++) {
        bind_slice(sql, 3 + i, words[i]);
    }
    sqlite3_bind_blob(sql, 3 + WORDS, entry->hash, AUDIT_HASH_SIZE, SQLITE_STATIC);
    bool done = database_run(sql);
    sqlite3_finalize(sql);
    return done;
}

static bool append_cleaned(sqlite3 *db, struct audit_entry *entry)
{
    struct chain_end end;
    if (!read_end(db, &end)) {
        return false;
    }
    entry->id = end.count + 1;
    if (!hash_entry(end.hash, entry, entry->hash) || !insert_row(db, entry)) {
        return false;
    }
    end.count = entry->id;
    memcpy(end.hash, entry->hash, AUDIT_HASH_SIZE);
    return write_end(db, &end);
}

struct cleaned {
    char words[WORDS - 1][AUDIT_TEXT_MAX];
    char detail[AUDIT_DETAIL_MAX];
    struct audit_entry entry;
};

static void clean_entry(const struct audit_entry *entry, struct cleaned *ret_cleaned)
{
    ret_cleaned->entry = (struct audit_entry){
        .at_ns = entry->at_ns,
        .actor = clean(entry->actor, ret_cleaned->words[0], AUDIT_TEXT_MAX),
        .source = clean(entry->source, ret_cleaned->words[1], AUDIT_TEXT_MAX),
        .action = clean(entry->action, ret_cleaned->words[2], AUDIT_TEXT_MAX),
        .subject = clean(entry->subject, ret_cleaned->words[3], AUDIT_TEXT_MAX),
        .outcome = clean(entry->outcome, ret_cleaned->words[4], AUDIT_TEXT_MAX),
        .detail = clean(entry->detail, ret_cleaned->detail, AUDIT_DETAIL_MAX),
    };
}

bool audit_append(sqlite3 *db, const struct audit_entry *entry)
{
    struct cleaned cleaned;
    clean_entry(entry, &cleaned);
    return append_cleaned(db, &cleaned.entry);
}

/* Of a cluster: how many entries wait, or -1; of a node alone: 0 and *ret_alone. */
static int64_t count_waiting(sqlite3 *db, bool *ret_alone)
{
    sqlite3_stmt *row = database_prepare(
        db, "SELECT cluster = '', (SELECT count(*) FROM audit_waiting) FROM cluster_state");
    int64_t count = -1;
    if (row != NULL && sqlite3_step(row) == SQLITE_ROW) {
        *ret_alone = sqlite3_column_int64(row, 0) != 0;
        count = sqlite3_column_int64(row, 1);
    }
    sqlite3_finalize(row);
    return count;
}

static bool let_wait(sqlite3 *db, const struct audit_entry *entry)
{
    struct cleaned cleaned;
    struct slice words[WORDS];
    sqlite3_stmt *sql =
        database_prepare(db, "INSERT INTO audit_waiting(at_ns, actor, source, action, subject,"
                             " outcome, detail) VALUES(?, ?, ?, ?, ?, ?, ?)");
    if (sql == NULL) {
        return false;
    }
    clean_entry(entry, &cleaned);
    entry_words(&cleaned.entry, words);
    sqlite3_bind_int64(sql, 1, entry->at_ns);
    for (int i = 0; i < WORDS; i++) {
        bind_slice(sql, 2 + i, words[i]);
    }
    bool done = database_run(sql);
    sqlite3_finalize(sql);
    return done;
}

static bool record_all(sqlite3 *db, const char *path, const struct audit_entry *entries,
                       size_t count, struct error *error)
{
    bool alone = true;
    bool done = database_exec(db, "BEGIN IMMEDIATE");
    int64_t waiting = done ? count_waiting(db, &alone) : -1;
    if (!alone && waiting + (int64_t)count > AUDIT_WAITING_MAX) {
        return error_set(error, ERROR_ENVIRONMENT, "audit_full",
                         "too many entries of the audit log wait for PostgreSQL; %zu are lost",
                         count);
    }
    done = done && waiting >= 0;
    for (size_t i = 0; done && i < count; i++) {
        done = alone ? audit_append(db, &entries[i]) : let_wait(db, &entries[i]);
    }
    return (done && database_exec(db, "COMMIT")) ||
           database_error(db, path, "writing the audit log", error);
}

bool audit_record(const char *path, const struct audit_entry *entries, size_t count,
                  struct error *error)
{
    sqlite3 *db = database_open(path, DATABASE_CHANGE, error);
    bool done = db != NULL && ledger_schema_prepare(db, path, error) &&
                record_all(db, path, entries, count, error);
    if (db != NULL) {
        database_rollback(db);
        sqlite3_close(db);
    }
    return done;
}

/* --- reading -----------------------------------------------------------------------------------
 */

#define AUDIT_SELECT                                                                               \
    "SELECT id, at_ns, actor, source, action, subject, outcome, detail, hash FROM audit"

static struct slice column_text(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return slice_of(text, text == NULL ? 0 : (size_t)sqlite3_column_bytes(row, column));
}

/* Words are the row's own memory. False: the hash is not one. */
static bool entry_of_row(sqlite3_stmt *row, struct audit_entry *ret_entry)
{
    *ret_entry = (struct audit_entry){
        .id = (uint64_t)sqlite3_column_int64(row, 0),
        .at_ns = sqlite3_column_int64(row, 1),
        .actor = column_text(row, 2),
        .source = column_text(row, 3),
        .action = column_text(row, 4),
        .subject = column_text(row, 5),
        .outcome = column_text(row, 6),
        .detail = column_text(row, 7),
    };
    const void *hash = sqlite3_column_blob(row, 8);
    if (hash == NULL || sqlite3_column_bytes(row, 8) != AUDIT_HASH_SIZE) {
        return false;
    }
    memcpy(ret_entry->hash, hash, AUDIT_HASH_SIZE);
    return true;
}

static void hash_text(const uint8_t hash[AUDIT_HASH_SIZE], char text[AUDIT_HASH_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < AUDIT_HASH_SIZE; i++) {
        text[2 * i] = digits[hash[i] >> 4];
        text[2 * i + 1] = digits[hash[i] & 15];
    }
    text[2 * AUDIT_HASH_SIZE] = '\0';
}

struct walk {
    struct chain_end at;
    struct slice expected;
    bool met; /* the expected hash is in the chain */
};

static void walk_meets(struct walk *walk)
{
    char text[AUDIT_HASH_TEXT_SIZE];
    hash_text(walk->at.hash, text);
    walk->met = walk->met || slice_eq_nocase(slice_from_cstr(text), walk->expected);
}

static bool walk_on(struct walk *walk, sqlite3_stmt *row, struct error *error)
{
    struct audit_entry entry;
    uint8_t hash[AUDIT_HASH_SIZE];
    bool whole = entry_of_row(row, &entry);
    if (whole && !hash_entry(walk->at.hash, &entry, hash)) {
        return error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "SHA-256 is not available");
    }
    if (entry.id != walk->at.count + 1) {
        return error_set(error, ERROR_INVALID, "audit_violation",
                         "the audit log is broken: entry %llu is missing",
                         (unsigned long long)walk->at.count + 1);
    }
    if (!whole || memcmp(hash, entry.hash, sizeof(hash)) != 0) {
        return error_set(error, ERROR_INVALID, "audit_violation",
                         "the audit log is broken: entry %llu, or the one before it, is not what "
                         "was recorded",
                         (unsigned long long)entry.id);
    }
    walk->at.count = entry.id;
    memcpy(walk->at.hash, hash, sizeof(hash));
    walk_meets(walk);
    return true;
}

static bool walk_all(sqlite3 *db, const char *path, struct walk *walk, struct error *error)
{
    sqlite3_stmt *row = database_prepare(db, AUDIT_SELECT " ORDER BY id");
    int status = row == NULL ? SQLITE_ERROR : sqlite3_step(row);
    bool sound = true;
    while (sound && status == SQLITE_ROW) {
        sound = walk_on(walk, row, error);
        status = sqlite3_step(row);
    }
    sqlite3_finalize(row);
    if (sound && status != SQLITE_DONE) {
        return database_error(db, path, "reading the audit log", error);
    }
    return sound;
}

static bool check_end(sqlite3 *db, const char *path, const struct walk *walk, struct error *error)
{
    struct chain_end end;
    if (!read_end(db, &end)) {
        return database_error(db, path, "reading the audit log", error);
    }
    if (end.count != walk->at.count || memcmp(end.hash, walk->at.hash, sizeof(end.hash)) != 0) {
        return error_set(error, ERROR_INVALID, "audit_violation",
                         "the audit log is broken: it ends with entry %llu and should with %llu",
                         (unsigned long long)walk->at.count, (unsigned long long)end.count);
    }
    if (!walk->met) {
        return error_set(error, ERROR_INVALID, "audit_violation",
                         "the audit log is not a continuation of the expected hash");
    }
    return true;
}

static sqlite3 *open_to_read(const char *path, struct error *error)
{
    sqlite3 *db = database_open(path, DATABASE_READ, error);
    if (db != NULL && !ledger_schema_check(db, path, error)) {
        sqlite3_close(db);
        return NULL;
    }
    return db;
}

bool audit_verify(const char *path, struct slice expected, struct audit_head *ret_head,
                  struct error *error)
{
    struct walk walk = {.expected = expected, .met = expected.len == 0};
    sqlite3 *db = open_to_read(path, error);
    if (db == NULL) {
        return false;
    }
    walk_meets(&walk);
    bool done =
        (database_exec(db, "BEGIN") || database_error(db, path, "reading the audit log", error)) &&
        walk_all(db, path, &walk, error) && check_end(db, path, &walk, error);
    database_rollback(db);
    sqlite3_close(db);
    if (done) {
        ret_head->count = (int64_t)walk.at.count;
        hash_text(walk.at.hash, ret_head->hash);
    }
    return done;
}

static bool keep_entry(struct arena *arena, sqlite3_stmt *row, struct audit_entry *ret_entry)
{
    (void)entry_of_row(row, ret_entry); /* listing is no verifying */
    ret_entry->actor = arena_copy(arena, ret_entry->actor);
    ret_entry->source = arena_copy(arena, ret_entry->source);
    ret_entry->action = arena_copy(arena, ret_entry->action);
    ret_entry->subject = arena_copy(arena, ret_entry->subject);
    ret_entry->outcome = arena_copy(arena, ret_entry->outcome);
    ret_entry->detail = arena_copy(arena, ret_entry->detail);
    return !arena->exhausted;
}

static bool list_entries(sqlite3 *db, const char *path, size_t limit, uint64_t before,
                         struct arena *arena, struct audit_page *page, struct error *error)
{
    sqlite3_stmt *row = database_prepare(db, AUDIT_SELECT " WHERE id < ? ORDER BY id DESC LIMIT ?");
    int status = SQLITE_ERROR;
    if (row != NULL) {
        sqlite3_bind_int64(row, 1, (int64_t)before);
        sqlite3_bind_int64(row, 2, (int64_t)limit);
        status = sqlite3_step(row);
    }
    while (status == SQLITE_ROW && page->count < limit &&
           keep_entry(arena, row, &page->entries[page->count])) {
        page->count++;
        status = sqlite3_step(row);
    }
    sqlite3_finalize(row);
    if (arena->exhausted) {
        return error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    }
    return status == SQLITE_DONE || database_error(db, path, "reading the audit log", error);
}

bool audit_list(const char *path, uint64_t before, size_t limit, struct arena *arena,
                struct audit_page *ret_page, struct error *error)
{
    size_t most = limit < 1 ? 1 : limit > AUDIT_LIST_MAX ? AUDIT_LIST_MAX : limit;
    *ret_page =
        (struct audit_page){.entries = arena_array(arena, most, sizeof(*ret_page->entries))};
    if (ret_page->entries == NULL) {
        return error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    }
    sqlite3 *db = open_to_read(path, error);
    bool done = db != NULL &&
                list_entries(db, path, most, before == 0 || before > INT64_MAX ? INT64_MAX : before,
                             arena, ret_page, error);
    sqlite3_close(db);
    if (done && ret_page->count == most && ret_page->entries[most - 1].id > 1) {
        ret_page->next = ret_page->entries[most - 1].id;
    }
    return done;
}
