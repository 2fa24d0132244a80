/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store costs: latency of an append while the disk syncs, CPU of the writer per call at
 * 20,000 calls a second, size per call, and the time of the questions. Prints one figure a line.
 * Usage: store_bench [DIRECTORY [CALLS]]. What a long history costs: history_bench.c.
 */
#include "store/journal_segment.h"
#include "store/ledger.h"
#include "store/report.h"
#include "tests/unit/store/store_testing.h"

#include <pthread.h>
#include <time.h>

#define RATE 20000
#define TICK_NS (5 * NS_PER_MS)

static void say(const char *what, double value, const char *unit)
{
    printf("%-44s %12.3f %s\n", what, value, unit);
    fflush(stdout);
}

static int compare_times(const void *left, const void *right)
{
    const uint32_t *a = left;
    const uint32_t *b = right;
    return (*a > *b) - (*a < *b);
}

static int64_t now(void)
{
    return clock_monotonic(&clock_system);
}

static void sleep_until(int64_t at_ns)
{
    const struct timespec at = {.tv_sec = (time_t)(at_ns / NS_PER_S),
                                .tv_nsec = (long)(at_ns % NS_PER_S)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

/* The records of one call, made before the clock runs. */
struct prepared {
    struct hold_record hold;
    struct settle_record settle;
    struct call_record call;
};

#define PREPARED 4096

static struct prepared *prepare(void)
{
    struct prepared *all = calloc(PREPARED, sizeof(*all));
    CHECK(all != NULL);
    for (uint64_t i = 0; i < PREPARED; i++) {
        uint64_t seed = i * 77 + 1; /* one attempt each */
        all[i].hold = sample_hold(seed, 1);
        all[i].settle = sample_settle(seed, 1);
        all[i].call = sample_call(seed);
        all[i].call.attempts = 1;
        all[i].call.cost_nd = all[i].settle.cost_nd;
        all[i].call.input_tokens = all[i].settle.usage.input;
        all[i].call.output_tokens = all[i].settle.usage.output;
        all[i].call.target = all[i].settle.target;
        all[i].call.provider = all[i].settle.provider;
        all[i].call.model = all[i].settle.model;
    }
    return all;
}

static void give_id(struct prepared *one, struct id id, int64_t wall_ns)
{
    one->hold.call = id;
    one->hold.wall_ns = wall_ns;
    one->settle.call = id;
    one->settle.wall_ns = wall_ns + NS_PER_MS;
    one->call.call = id;
    one->call.wall_ns = wall_ns;
}

struct latencies {
    uint32_t *ns;
    size_t count;
    uint64_t refused;
};

static void report_latencies(struct latencies *all)
{
    qsort(all->ns, all->count, sizeof(all->ns[0]), compare_times);
    say("append, median", all->ns[all->count / 2] / 1e3, "us");
    say("append, p99", all->ns[all->count * 99 / 100] / 1e3, "us");
    say("append, p99.9", all->ns[all->count - all->count / 1000 - 1] / 1e3, "us");
    say("append, p99.99", all->ns[all->count - all->count / 10000 - 1] / 1e3, "us");
    say("append, largest", all->ns[all->count - 1] / 1e3, "us");
    say("appends refused", (double)all->refused, "");
}

static void time_append(struct latencies *all, bool done, int64_t start)
{
    int64_t took = now() - start;
    all->ns[all->count++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
    all->refused += done ? 0 : 1;
}

/* `calls` calls at RATE a second, in bursts of a tick, as a loop's turn would bring them. */
static void drive(struct ledger *ledger, uint64_t calls, struct latencies *all)
{
    struct prepared *prepared = prepare();
    struct journal *journal = ledger_journal(ledger);
    struct random random;
    random_seed(&random, 1);
    int64_t start = now();
    for (uint64_t i = 0; i < calls; i++) {
        struct prepared *one = &prepared[i % PREPARED];
        give_id(one, id_make(&clock_system, &random), clock_wall(&clock_system));
        int64_t before = now();
        time_append(all, journal_hold(journal, &one->hold), before);
        before = now();
        time_append(all, journal_settle_and_call(journal, &one->settle, &one->call), before);
        if (i % (RATE * TICK_NS / NS_PER_S) == 0) {
            sleep_until(start + (int64_t)i * NS_PER_S / RATE);
        }
    }
    say("calls a second", (double)calls * 1e9 / (double)(now() - start), "");
    free(prepared);
}

static double size_of(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? (double)info.st_size : 0;
}

static struct ledger *open_bench(const char *path)
{
    struct error error;
    const struct ledger_options options = {.path = path};
    struct ledger *ledger = ledger_open(&options, &error);
    if (ledger == NULL) {
        fprintf(stderr, "%s: %s\n", error.code, error.text);
        exit(1);
    }
    return ledger;
}

static void bench_writer(const char *path, uint64_t calls)
{
    struct latencies all = {.ns = calloc(calls * 2, sizeof(uint32_t))};
    struct ledger_stats stats;
    struct journal_stats journal;
    CHECK(all.ns != NULL);
    int64_t start = now();
    struct ledger *ledger = open_bench(path);
    say("open", (double)(now() - start) / 1e6, "ms");
    drive(ledger, calls, &all);
    ledger_stats(ledger, &stats);
    journal_stats(ledger_journal(ledger), &journal);
    say("lag at the end", (double)stats.lag_ms, "ms");
    CHECK(ledger_flush(ledger, 60000));
    ledger_stats(ledger, &stats);
    report_latencies(&all);
    say("journal, last sync", (double)journal.sync_lag_us, "us");
    say("journal bytes per call", (double)journal.bytes / (double)calls, "");
    say("writer user CPU per call", (double)stats.cpu_user_us / (double)calls, "us");
    say("writer system CPU per call", (double)stats.cpu_system_us / (double)calls, "us");
    say("commits", (double)stats.commits, "");
    say("anomalies", (double)stats.anomalies, "");
    ledger_close(ledger, 1000);
    say("database bytes per call", size_of(path) / (double)calls, "");
    free(all.ns);
}

static void bench_questions(const char *path)
{
    struct error error;
    for (int by = 0; by < REPORT_BYS; by++) {
        struct report report;
        char what[64];
        int64_t start = now();
        CHECK(report_make(path, (enum report_by)by, 1, 0, &report, &error));
        snprintf(what, sizeof(what), "report by %s", report_by_name((enum report_by)by));
        say(what, (double)(now() - start) / 1e6, "ms");
        report_release(&report);
    }
    struct arena arena;
    struct call_page page;
    arena_init(&arena, 8 << 20);
    int64_t start = now();
    CHECK(report_calls(path, SLICE_EMPTY, 50, &arena, &page, &error));
    say("newest 50 calls", (double)(now() - start) / 1e6, "ms");
    arena_release(&arena);
    start = now();
    bool sound = ledger_verify(path, &error);
    say("verify", (double)(now() - start) / 1e6, "ms");
    if (!sound) {
        printf("%s\n", error.text);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    struct scratch scratch;
    char path[256];
    uint64_t calls = argc > 2 ? strtoull(argv[2], NULL, 10) : 5 * RATE;
    scratch_init(&scratch);
    if (argc > 1) {
        snprintf(path, sizeof(path), "%s/store-bench.db", argv[1]);
    } else {
        scratch_file(&scratch, "sluice.db", path);
    }
    bench_writer(path, calls);
    bench_questions(path);
    scratch_release(&scratch);
    return 0;
}
