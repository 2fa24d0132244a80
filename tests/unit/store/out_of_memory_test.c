/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every allocation of ours fails once, one after the other: each call says so or goes on, nothing
 * leaks (the asan build looks), and the ledger is right afterwards.
 */
#include "base/memory.h"
#include "store/key_change.h"
#include "store/report.h"
#include "tests/unit/store/ledger_testing.h"

#ifdef SLUICE_FAULTS

#define CALLS 40

static void expect_out_of_memory(const struct error *error)
{
    EXPECT_SLICE(slice_from_cstr(error->code == NULL ? "none" : error->code), "out_of_memory");
}

/* False: the ledger could not be opened. */
static bool write_calls(void)
{
    struct error error = {0};
    const struct ledger_options options = {
        .path = ledger_path, .batch_ms = 1, .journal = {.segment_bytes = 1 << 16}};
    struct ledger *ledger = ledger_open(&options, &error);
    if (ledger == NULL) {
        expect_out_of_memory(&error);
        return false;
    }
    for (uint64_t seed = 1; seed <= CALLS; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
    }
    EXPECT(ledger_flush(ledger, 10000)); /* a failed batch is tried again */
    ledger_close(ledger, 1000);
    return true;
}

static void ask_everything(void)
{
    struct error error = {0};
    struct report report;
    struct call_page page;
    struct arena arena;
    if (report_make(ledger_path, REPORT_TARGET, 0, 0, &report, &error)) {
        report_release(&report);
    } else {
        expect_out_of_memory(&error);
    }
    arena_init(&arena, 1 << 20);
    if (!report_calls(ledger_path, SLICE_EMPTY, 10, &arena, &page, &error)) {
        expect_out_of_memory(&error);
    }
    arena_release(&arena);
}

static void use_keys(void)
{
    struct limit_order limits = {.limits = limits_none()};
    limits.limits.parallel = 2;
    const struct grant grant = {GRANT_ROUTE, "auto"};
    const struct key_order alice = {.name = SLICE("alice"),
                                    .scopes = {[SCOPE_TEAM] = SLICE("red")},
                                    .limits = &limits,
                                    .limit_count = 1,
                                    .grants = &grant,
                                    .grant_count = 1};
    struct error error = {0};
    char secret[KEY_TEXT_SIZE];
    struct key key;
    if (!key_create(ledger_path, &alice, &tester, secret, &key, &error)) {
        expect_out_of_memory(&error);
    }
    struct key_set *set = key_set_load(ledger_path, &error);
    if (set == NULL) {
        expect_out_of_memory(&error);
    }
    key_set_unref(set);
    if (!key_revoke(ledger_path, SLICE("alice"), &tester, &key, &error)) {
        EXPECT(strcmp(error.code, "out_of_memory") == 0 ||
               strcmp(error.code, "key_not_found") == 0);
    }
}

static void every_allocation_may_fail(void)
{
    bool happened = true;
    for (int64_t nth = 0; happened && nth < 500 && !tap_point_failed; nth++) {
        begin();
        memory_fail_nth(nth);
        bool wrote = write_calls();
        if (wrote) {
            ask_everything();
            use_keys();
        }
        happened = memory_fault_happened();
        memory_fail_nth(-1);
        EXPECT(wrote || write_calls());
        EXPECT_INT(ask("SELECT count(*) FROM calls"), CALLS);
        expect_sound();
        if (tap_point_failed) {
            printf("# allocation %lld\n", (long long)nth);
        }
        end();
    }
    EXPECT(!happened);
}
#endif

int main(void)
{
#ifdef SLUICE_FAULTS
    TEST(every_allocation_may_fail, "every allocation may fail once");
    return tap_done();
#else
    printf("ok 1 - every allocation may fail once # SKIP needs VARIANT=fault or asan\n1..1\n");
    return 0;
#endif
}
