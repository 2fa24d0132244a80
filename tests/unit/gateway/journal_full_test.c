/* SPDX-License-Identifier: Apache-2.0 */
/* The database cannot be written and the journal is full: by policy, calls are refused or go on. */
#include "tests/unit/gateway/gateway_harness.h"

#include "tests/unit/gateway/answers.h"

#include <sqlite3.h>

#define YAML                                                                                       \
    "log: { access: false }\n"                                                                     \
    "providers:\n"                                                                                 \
    "  a: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/a/v1' }\n"                \
    "targets:\n"                                                                                   \
    "  first: { provider: a, model: ma, price: { input_per_mtok: 1, output_per_mtok: 10 } }\n"

static struct client client;
static struct buf request = {.limit = 1u << 20};
static struct buf body = {.limit = 1u << 20};
static sqlite3 *holder;

static int ask(void)
{
    harness_heal();
    buf_clear(&request);
    client_close(&client);
    script_set('a', (struct slice)ANSWER(WHOLE), AFTER_CLOSE);
    struct slice text =
        SLICE("{\"model\":\"first\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\","
              "\"content\":\"Hi\"}]}");
    return harness_ask(post_text("/v1/chat/completions", NULL, text, &request), &client, &body);
}

/* Closing records of calls that never were, until there is no room for another hold. */
static void fill_journal(void)
{
    struct call_record record = {.endpoint = SLICE("/v1/chat/completions"), .status = 422};
    struct journal *journal = ledger_journal(h.gateway.ledger);
    for (uint64_t i = 0; i < 10000000; i++) {
        memcpy(record.call.bytes, &i, sizeof(i));
        if (!journal_call(journal, &record)) {
            return;
        }
    }
    EXPECT(false);
}

static void refuses_calls(void)
{
    EXPECT_INT(ask(), 200);
    CHECK(sqlite3_open(h.database, &holder) == SQLITE_OK);
    sqlite3_busy_timeout(holder, 10000); /* the writer may be at it */
    EXPECT(sqlite3_exec(holder, "BEGIN EXCLUSIVE", NULL, NULL, NULL) == SQLITE_OK);
    fill_journal();
    EXPECT_INT(ask(), 503);
    EXPECT(slice_find_slice(buf_slice(&body), SLICE("ledger_full")) != SIZE_MAX);
    EXPECT_INT(script_of('a')->requests, 0);
}

static void lets_calls_go_on(void)
{
    h.worker->snapshot->ledger_allows_full = true;
    EXPECT_INT(ask(), 200);
    EXPECT(atomic_load(&h.worker->metrics.ledger_refused) >= 2);
}

static void records_again(void)
{
    h.worker->snapshot->ledger_allows_full = false;
    EXPECT(sqlite3_exec(holder, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(holder);
    EXPECT(ledger_flush(h.gateway.ledger, 60000));
    EXPECT_INT(ask(), 200);
}

int main(void)
{
    harness_begin(YAML, true);
    client.fd = -1;
    TEST(refuses_calls, "deny: a call that cannot be recorded is not sent");
    TEST(lets_calls_go_on, "allow: it is sent all the same");
    TEST(records_again, "with the database back, calls are recorded again");
    client_close(&client);
    buf_release(&request);
    buf_release(&body);
    harness_end();
    return tap_done();
}
