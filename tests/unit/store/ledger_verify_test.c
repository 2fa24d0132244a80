/* SPDX-License-Identifier: Apache-2.0 */
/* Each invariant is broken by hand, and must be found broken. */
#include "store/ledger.h"

#include "tests/unit/store/ledger_testing.h"

static void fill(uint64_t calls)
{
    struct ledger *ledger = open_ledger();
    for (uint64_t seed = 1; seed <= calls; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
    }
    EXPECT(ledger_flush(ledger, 10000));
    ledger_close(ledger, 1000);
}

struct tampering {
    const char *sql;
    const char *found; /* part of the message */
};

static const struct tampering tamperings[] = {
    {"UPDATE call_rows SET cost_nd = cost_nd + 1 WHERE id = (SELECT max(call) FROM attempt_rows)",
     "a call is not the sum of its attempts"},
    {"UPDATE call_rows SET cost_nd = cost_nd + 1 WHERE bits & 8", /* its own attempt's as well */
     "the sums of the hours are wrong"},
    {"UPDATE attempt_rows SET cost_nd = cost_nd - 1 WHERE cost_nd > 0 AND call ="
     " (SELECT max(call) FROM attempt_rows WHERE cost_nd > 0)",
     "a call is not the sum of its attempts"},
    {"UPDATE call_rows SET attempts = attempts + 1 WHERE id = (SELECT min(id) FROM call_rows)",
     "a call is not the sum of its attempts"},
    {"UPDATE call_rows SET attempts = 2 WHERE id = (SELECT max(id) FROM call_rows WHERE bits & 8)",
     "a call is not the sum of its attempts"},
    {"UPDATE call_rows SET bits = bits - 8 WHERE id ="
     " (SELECT max(id) FROM call_rows WHERE bits & 8)",
     "a call is not the sum of its attempts"},
    {"DELETE FROM attempt_rows WHERE call = (SELECT max(call) FROM attempt_rows)",
     "a call is not the sum of its attempts"},
    {"DELETE FROM call_rows WHERE id = (SELECT max(call) FROM attempt_rows)",
     "an attempt belongs to no call"},
    {"INSERT INTO open_calls(call, key, started_ns) SELECT call, 0, 1 FROM attempts LIMIT 1;"
     "INSERT INTO holds SELECT call, attempt, 1, 1, 0, 0, 0, 0, 0 FROM attempts LIMIT 1",
     "an attempt is settled and still held"},
    {"INSERT INTO holds VALUES(x'00112233445566778899aabbccddeeff', 1, 1, 1, 0, 0, 0, 0, 0)",
     "a hold belongs to no open call"},
    {"UPDATE call_rows SET baseline_nd = -1 WHERE id = (SELECT max(id) FROM call_rows)",
     "an amount is negative"},
    {"UPDATE attempt_rows SET outcome = 9 WHERE call = (SELECT max(call) FROM attempt_rows)",
     "an attempt has no known outcome"},
    {"UPDATE call_rows SET bits = bits | (7 << 9) WHERE id ="
     " (SELECT max(id) FROM call_rows WHERE bits & 8)",
     "an attempt has no known outcome"},
    {"DELETE FROM shapes WHERE id = (SELECT shape FROM call_rows WHERE attempts = 0)",
     "a call is of no known shape"},
    {"UPDATE rollups SET cost_nd = cost_nd + 1 WHERE dimension = 0 AND hour ="
     " (SELECT max(hour) FROM rollups)",
     "the sums of the hours are wrong"},
    {"UPDATE rollups_day SET escalation_nd = escalation_nd + 1 WHERE dimension = 3",
     "the sums of a day are not those of its hours"},
    {"DELETE FROM rollups_day WHERE dimension = 7", "the sums of a day are not those of its hours"},
    {"UPDATE rollups SET calls = calls - 1 WHERE dimension = 1 AND name ="
     " (SELECT max(name) FROM rollups WHERE dimension = 1)",
     "the sums of the models are wrong"},
    {"UPDATE rollups SET failed = failed + 1 WHERE dimension = 2",
     "the sums of the tasks are wrong"},
    {"DELETE FROM rollups WHERE dimension = 3", "the sums of the keys are wrong"},
    {"UPDATE spend SET cost_nd = cost_nd + 1 WHERE kind = 0 AND model = 0",
     "what keys have spent is not what their calls cost"},
    {"DELETE FROM spend WHERE kind = 0", "what keys have spent is not what their calls cost"},
    {"UPDATE spend SET cost_nd = -1 WHERE kind > 0", "an amount is negative"},
    {"INSERT INTO rollups VALUES(4, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)",
     "the sums of the providers are wrong"},
    {"UPDATE rollups SET baseline_nd = baseline_nd + 1 WHERE dimension = 5",
     "the sums of the targets are wrong"},
    {"UPDATE rollups SET output_tokens = output_tokens + 1 WHERE dimension = 6",
     "the sums of the routes are wrong"},
    {"UPDATE rollups SET estimated = estimated + 1 WHERE dimension = 6",
     "the sums of the routes are wrong"},
    {"INSERT INTO rollups VALUES(11, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)",
     "there are sums of an unknown kind"},
    {"UPDATE rollups SET calls = calls + 1 WHERE dimension = 7", "the sums of the users are wrong"},
    {"INSERT INTO rollups SELECT 8, hour, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM rollups"
     " WHERE dimension = 0 LIMIT 1",
     "the sums of the teams are wrong"},
    {"DELETE FROM rollups WHERE dimension = 9", "the sums of the organisations are wrong"},
    {"UPDATE rollups SET cost_nd = cost_nd + 1 WHERE dimension = 10",
     "the sums of the tags are wrong"},
    {"UPDATE key_rollups SET calls = calls + 1 WHERE dimension = 0",
     "the sums of a key's own calls are wrong"},
    {"UPDATE key_rollups SET cost_nd = cost_nd + 1 WHERE dimension = 1",
     "the sums of a key's models are not those of its days"},
    {"UPDATE rollups SET failed_nd = failed_nd + 1", "the sums of what no answer cost are wrong"},
    {"UPDATE rollups SET judge_nd = judge_nd + 1 WHERE dimension = 0",
     "the sums of what no answer cost are wrong"},
    {"UPDATE rollups SET failed_nd = failed_nd + 1 WHERE dimension = 5",
     "the sums of what no answer cost differ"},
    {"DELETE FROM names WHERE name = 'verbatim'", "a word has no name"},
    {"DELETE FROM state", "the state is missing"},
};

static void every_tampering_is_found(void)
{
    for (size_t i = 0; i < ARRAY_LEN(tamperings); i++) {
        struct error error = {0};
        begin();
        fill(60);
        expect_sound();
        EXPECT(change(tamperings[i].sql));
        EXPECT(!ledger_verify(ledger_path, &error));
        EXPECT_SLICE(slice_from_cstr(error.code == NULL ? "" : error.code), "ledger_violation");
        if (strstr(error.text, tamperings[i].found) == NULL) {
            tap_point_failed = true;
            printf("# after %s\n# found: %s\n", tamperings[i].sql, error.text);
        }
        end();
    }
}

static void damaged_pages_are_found(void)
{
    struct error error = {0};
    begin();
    fill(3000);
    FILE *file = fopen(ledger_path, "r+b");
    EXPECT(file != NULL);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    for (long at = 4096 * 20; at < size; at += 4096 * 10) {
        fseek(file, at + 5, SEEK_SET);
        fwrite("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 1, 8, file);
    }
    fclose(file);
    EXPECT(!ledger_verify(ledger_path, &error));
    EXPECT_SLICE(slice_from_cstr(error.code == NULL ? "" : error.code), "ledger_corrupt");
    end();
}

static void a_missing_ledger_is_said_so(void)
{
    struct error error = {0};
    begin();
    EXPECT(!ledger_verify(ledger_path, &error));
    EXPECT_INT(error.kind, ERROR_NOT_FOUND);
    EXPECT_SLICE(slice_from_cstr(error.code), "ledger_missing");
    EXPECT(access(ledger_path, F_OK) != 0);
    end();
}

static void a_ledger_in_use_can_be_verified(void)
{
    begin();
    struct ledger *ledger = open_ledger();
    for (uint64_t seed = 1; seed <= 4000; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
        if (seed % 500 == 0) {
            expect_sound();
        }
    }
    ledger_close(ledger, 5000);
    expect_sound();
    end();
}

int main(void)
{
    TEST(every_tampering_is_found, "every invariant that is broken by hand is found broken");
    TEST(damaged_pages_are_found, "damaged pages are found");
    TEST(a_missing_ledger_is_said_so, "a missing ledger is said so, and not made");
    TEST(a_ledger_in_use_can_be_verified, "a ledger in use can be verified");
    return tap_done();
}
