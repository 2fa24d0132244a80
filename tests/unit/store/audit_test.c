/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log is a chain: whatever is done to its rows is found. */
#include "store/audit.h"

#include "tests/unit/store/ledger_testing.h"

static struct error error;

static bool record(const char *action, const char *outcome, const char *detail)
{
    const struct audit_entry entry = {
        .at_ns = 1790000000 * NS_PER_S,
        .actor = SLICE("local"),
        .source = SLICE("cli"),
        .action = slice_from_cstr(action),
        .subject = SLICE("key:1 alice"),
        .outcome = slice_from_cstr(outcome),
        .detail = slice_from_cstr(detail),
    };
    return audit_record(ledger_path, &entry, 1, &error);
}

static void begin_with_entries(int count)
{
    char secret[KEY_TEXT_SIZE];
    struct key key;
    const struct key_order order = {.name = SLICE("alice")};
    begin();
    EXPECT(key_create(ledger_path, &order, &tester, secret, &key, &error));
    for (int i = 1; i < count; i++) {
        EXPECT(record("key.revoke", "key_not_found", "{\"n\":1}"));
    }
}

static void changes_are_recorded(void)
{
    struct audit_head head;
    struct audit_page page;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    begin_with_entries(3);
    EXPECT(audit_verify(ledger_path, SLICE_EMPTY, &head, &error));
    EXPECT_INT(head.count, 3);
    EXPECT_INT(strlen(head.hash), 64);
    EXPECT(audit_list(ledger_path, 0, 2, &arena, &page, &error));
    EXPECT_INT(page.count, 2);
    EXPECT_INT(page.entries[0].id, 3);
    EXPECT_SLICE(page.entries[0].outcome, "key_not_found");
    EXPECT_SLICE(page.entries[0].detail, "{\"n\":1}");
    EXPECT_INT(page.next, 2);
    EXPECT(audit_list(ledger_path, page.next, 2, &arena, &page, &error));
    EXPECT_INT(page.count, 1);
    EXPECT_INT(page.next, 0);
    EXPECT_SLICE(page.entries[0].action, "key.create");
    EXPECT_SLICE(page.entries[0].subject, "key:1 alice");
    EXPECT_SLICE(page.entries[0].actor, "tester");
    EXPECT_SLICE(page.entries[0].outcome, "ok");
    arena_release(&arena);
    end();
}

/* Each change to the rows, and the entry that is named. */
static void every_tampering_is_found(void)
{
    static const struct {
        const char *sql;
        const char *says;
    } cases[] = {
        {"UPDATE audit SET outcome = 'ok' WHERE id = 3", "entry 3"},
        {"UPDATE audit SET actor = 'nobody' WHERE id = 1", "entry 1"},
        {"UPDATE audit SET at_ns = at_ns + 1 WHERE id = 2", "entry 2"},
        {"UPDATE audit SET source = 'cl', action = 'ikey.revoke' WHERE id = 2", "entry 2"},
        {"UPDATE audit SET hash = randomblob(32) WHERE id = 4", "entry 4"},
        {"UPDATE audit SET hash = x'00' WHERE id = 4", "entry 4"},
        {"DELETE FROM audit WHERE id = 1", "entry 1 is missing"},
        {"DELETE FROM audit WHERE id = 3", "entry 3 is missing"},
        {"DELETE FROM audit WHERE id = 5", "ends with entry 4 and should with 5"},
        {"DELETE FROM audit", "ends with entry 0 and should with 5"},
        {"UPDATE audit SET id = 9 WHERE id = 2", "entry 2 is missing"},
        {"UPDATE audit SET id = -1 WHERE id = 2; UPDATE audit SET id = 2 WHERE id = 3;"
         "UPDATE audit SET id = 3 WHERE id = -1",
         "entry 2"},
        {"INSERT INTO audit SELECT 6, at_ns, actor, source, action, subject, outcome, detail, hash"
         " FROM audit WHERE id = 5",
         "entry 6"},
        {"UPDATE state SET audit_count = 4", "ends with entry 5 and should with 4"},
    };
    struct audit_head head;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        begin_with_entries(5);
        EXPECT(audit_verify(ledger_path, SLICE_EMPTY, &head, &error));
        EXPECT(change(cases[i].sql));
        EXPECT(!audit_verify(ledger_path, SLICE_EMPTY, &head, &error));
        EXPECT_SLICE(slice_from_cstr(error.code), "audit_violation");
        if (strstr(error.text, cases[i].says) == NULL) {
            printf("# %s: %s\n", cases[i].sql, error.text);
            EXPECT(false);
        }
        end();
    }
}

static void a_new_chain_is_not_the_old_one(void)
{
    struct audit_head head;
    struct audit_head later;
    begin_with_entries(3);
    EXPECT(audit_verify(ledger_path, SLICE_EMPTY, &head, &error));
    EXPECT(record("key.create", "key_exists", ""));
    EXPECT(audit_verify(ledger_path, slice_from_cstr(head.hash), &later, &error));
    EXPECT_INT(later.count, 4);
    /* Whoever can write the database may begin again; the hash that is kept elsewhere tells. */
    EXPECT(change("DELETE FROM audit; UPDATE state SET audit_count = 0, audit_hash = x''"));
    for (int i = 0; i < 4; i++) {
        EXPECT(record("key.create", "ok", ""));
    }
    EXPECT(audit_verify(ledger_path, SLICE_EMPTY, &later, &error));
    EXPECT(!audit_verify(ledger_path, slice_from_cstr(head.hash), &later, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "audit_violation");
    end();
}

static void hostile_words_are_cleaned(void)
{
    struct audit_head head;
    struct audit_page page;
    struct arena arena;
    static char large[3 * AUDIT_DETAIL_MAX];
    memset(large, 'x', sizeof(large) - 1);
    arena_init(&arena, 1 << 20);
    begin_with_entries(1);
    EXPECT(record("a\r\nb\x1b[2J\xff\xc2\x85z\xc3\xa9", "'); DROP TABLE audit; --", large));
    EXPECT(audit_verify(ledger_path, SLICE_EMPTY, &head, &error));
    EXPECT(audit_list(ledger_path, 0, 1, &arena, &page, &error));
    EXPECT_SLICE(page.entries[0].action, "a??b?[2J???z\xc3\xa9");
    EXPECT_SLICE(page.entries[0].outcome, "'); DROP TABLE audit; --");
    EXPECT_INT(page.entries[0].detail.len, AUDIT_DETAIL_MAX);
    arena_release(&arena);
    end();
}

int main(void)
{
    TEST(changes_are_recorded, "changes and refusals are recorded, newest first");
    TEST(every_tampering_is_found, "every change to its rows is found");
    TEST(a_new_chain_is_not_the_old_one, "a chain that was begun anew is not the old one");
    TEST(hostile_words_are_cleaned, "what is recorded is printable and bounded");
    return tap_done();
}
