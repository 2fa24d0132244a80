/* SPDX-License-Identifier: Apache-2.0 */
/* Overruns that block their key, from the journal until the key is blocked. */
#include "store/ledger_overrun.h"

#include "store/key_change.h"
#include "tests/unit/store/ledger_testing.h"

static struct error error;
static int told;

static void on_overruns(void *user)
{
    *(int *)user += 1;
}

static struct ledger *open_telling(void)
{
    told = 0;
    return open_ledger_with((struct ledger_options){.on_overruns = on_overruns, .user = &told});
}

/* A call of one attempt that cost more than was held. */
static bool append_overrun(struct journal *journal, uint64_t seed, uint64_t key, bool pair)
{
    struct hold_record hold = sample_hold(seed, 1);
    struct settle_record settle = sample_settle(seed, 1);
    struct call_record call = sample_call(seed);
    hold.key_id = settle.key_id = call.key_id = key;
    hold.amount_nd = settle.released_nd = 5;
    settle.cost_nd = call.cost_nd = 77;
    settle.blocks = true;
    call.attempts = 1;
    return journal_hold(journal, &hold) &&
           (pair ? journal_settle_and_call(journal, &settle, &call)
                 : journal_settle(journal, &settle) && journal_call(journal, &call));
}

struct seen {
    struct ledger_overrun last;
    char target[64];
    size_t count;
    size_t wanted;
};

static bool see(void *user, const struct ledger_overrun *overrun)
{
    struct seen *seen = user;
    seen->last = *overrun;
    slice_to_cstr(overrun->target, seen->target, sizeof(seen->target));
    return ++seen->count < seen->wanted;
}

static size_t waiting(struct seen *ret_seen)
{
    *ret_seen = (struct seen){.wanted = SIZE_MAX};
    EXPECT(ledger_overruns_read(ledger_path, see, ret_seen, &error));
    return ret_seen->count;
}

static uint64_t new_key(const char *name)
{
    char secret[KEY_TEXT_SIZE];
    struct key key = {0};
    const struct key_order order = {.name = slice_from_cstr(name)};
    EXPECT(key_create(ledger_path, &order, &tester, secret, &key, &error));
    return key.id;
}

static void an_overrun_waits_until_its_key_is_blocked(void)
{
    struct seen seen;
    begin();
    uint64_t alice = new_key("alice");
    uint64_t bob = new_key("bob");
    struct ledger *ledger = open_telling();
    EXPECT(append_call(ledger_journal(ledger), 2));
    EXPECT(ledger_flush(ledger, 10000));
    EXPECT_INT(told, 0);
    EXPECT(append_overrun(ledger_journal(ledger), 1001, alice, true));
    EXPECT(append_overrun(ledger_journal(ledger), 1002, bob, false));
    EXPECT(append_overrun(ledger_journal(ledger), 1003, alice, false));
    EXPECT(ledger_flush(ledger, 10000));
    EXPECT(told > 0);
    EXPECT_INT(waiting(&seen), 3);
    EXPECT_INT(seen.last.key_id, bob);
    EXPECT_INT(seen.last.held_nd, 5);
    EXPECT_INT(seen.last.cost_nd, 77);
    const struct settle_record settle = sample_settle(1002, 1);
    EXPECT(memcmp(&seen.last.call, &settle.call, sizeof(seen.last.call)) == 0);
    EXPECT(slice_eq(settle.target, slice_from_cstr(seen.target)));
    EXPECT(key_block(ledger_path, alice, &tester, &error));
    EXPECT_INT(waiting(&seen), 1);
    EXPECT_INT(seen.last.key_id, bob);
    ledger_close(ledger, 5000);
    ledger = open_telling(); /* what was carried out does not come again */
    EXPECT(ledger_flush(ledger, 10000));
    EXPECT_INT(waiting(&seen), 1);
    EXPECT_INT(told, 0);
    EXPECT(ledger_overruns_forget(ledger_path, bob, &error));
    EXPECT_INT(waiting(&seen), 0);
    ledger_close(ledger, 5000);
    end();
}

static void what_only_the_journal_has_is_there_after_a_start(void)
{
    struct seen seen;
    begin();
    uint64_t alice = new_key("alice");
    struct ledger *ledger =
        open_ledger_with((struct ledger_options){.batch_ms = 600000, .batch_records = 100000});
    for (uint64_t seed = 1; seed <= 200; seed++) {
        EXPECT(append_overrun(ledger_journal(ledger), seed, alice, seed % 2 == 0));
    }
    ledger_close(ledger, 0); /* the writer had no time */
    EXPECT(ask("SELECT count(*) FROM overruns") <= 200);
    ledger = open_ledger();
    EXPECT_INT(waiting(&seen), 200);
    seen = (struct seen){.wanted = 64};
    EXPECT(ledger_overruns_read(ledger_path, see, &seen, &error));
    EXPECT_INT(seen.count, 64);
    EXPECT(key_block(ledger_path, alice, &tester, &error));
    EXPECT_INT(waiting(&seen), 0);
    ledger_close(ledger, 5000);
    EXPECT(ledger_verify(ledger_path, &error));
    end();
}

int main(void)
{
    TEST(an_overrun_waits_until_its_key_is_blocked,
         "an overrun is in the ledger until its key is blocked, and then no more");
    TEST(what_only_the_journal_has_is_there_after_a_start,
         "overruns that only the journal has are there after a start, however many");
    return tap_done();
}
