/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What limits cost a call: its key found by the secret among many, the accounts of four scopes with
 * a cap and rates each, one hold and its settle, the call's end. From one thread, and from four
 * that share one key; then the same with leases of all of it, which another thread grants as it is
 * asked. And once more with the hold and the settle in the journal. Of four threads there are two
 * figures: CPU time of a call, which does not depend on how many cores others leave, and the time
 * of the clock in which all four made their calls, by call, in which waiting for a lock counts.
 * Prints one figure a line. Usage: budget_bench [KEYS].
 */
#include "store/budget_lease.h"
#include "store/key_change.h"
#include "store/ledger.h"
#include "store/ledger_schema.h"
#include "tests/unit/store/store_testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define CALLS 300000
#define THREADS 4
#define ROUNDS 5
#define JOURNALED 50000 /* calls of a thread and round */
#define SEED 7

static const struct key_actor actor = {.name = SLICE_INIT("bench"), .source = SLICE_INIT("bench")};

struct bench {
    struct key_set *keys;
    struct budget *budget;
    const char *secret;
    struct journal *journal; /* NULL: nothing is written */
    int calls;               /* of a thread and round */
    uint64_t refused;
    int64_t took_ns;
    bool own; /* CPU time of the thread instead of the clock: others use the cores, too */
};

static void say(const char *what, double value, const char *unit)
{
    printf("%-44s %12.3f %s\n", what, value, unit);
    fflush(stdout);
}

static void stop_with(const struct error *error)
{
    fprintf(stderr, "%s: %s\n", error->code, error->text);
    exit(1);
}

static void fill_limits(struct scope_limits *limits)
{
    *limits = limits_none();
    limits->caps[0].period = CAP_MONTH;
    limits->caps[0].amount_nd = INT64_C(1) << 50;
    limits->caps[1].period = CAP_ROLLING;
    limits->caps[1].window_s = 3600;
    limits->caps[1].amount_nd = INT64_C(1) << 50;
    limits->cap_count = 2;
    limits->requests_per_minute = INT64_C(1) << 40;
    limits->tokens_per_minute = INT64_C(1) << 40;
    limits->parallel = 1000000;
    limits->max_request_nd = INT64_C(1) << 40;
}

static void limit_scope(const char *path, enum scope_kind kind, struct slice name)
{
    struct error error;
    struct scope_rule rule;
    bool made;
    const struct limit_subject subject = {.kind = kind, .name = name};
    struct limit_change change = {.fields = LIMIT_REQUESTS | LIMIT_TOKENS | LIMIT_PARALLEL |
                                            LIMIT_REQUEST_AMOUNT | LIMIT_CAPS_ALL};
    fill_limits(&change.limits);
    if (!key_limit(path, &subject, &change, &actor, &rule, &made, &error)) {
        stop_with(&error);
    }
}

/* The last of `count` keys has a user, a team and an organisation, all with limits. */
static void make_keys(const char *path, int count, char secret[KEY_TEXT_SIZE])
{
    struct error error;
    struct key key;
    struct limit_order limits = {.model = SLICE_EMPTY};
    fill_limits(&limits.limits);
    for (int i = 1; i <= count; i++) {
        char name[32];
        int len = snprintf(name, sizeof(name), "key-%d", i);
        struct key_order order = {.name = slice_of(name, (size_t)len)};
        if (i == count) {
            order.scopes[SCOPE_USER] = SLICE("ann");
            order.scopes[SCOPE_TEAM] = SLICE("red");
            order.scopes[SCOPE_ORGANISATION] = SLICE("acme");
            order.limits = &limits;
            order.limit_count = 1;
        }
        if (!key_create(path, &order, &actor, secret, &key, &error)) {
            stop_with(&error);
        }
    }
    limit_scope(path, SCOPE_USER, SLICE("ann"));
    limit_scope(path, SCOPE_TEAM, SLICE("red"));
    limit_scope(path, SCOPE_ORGANISATION, SLICE("acme"));
}

/* As the gateway does it (call_budget.c). */
static void payer_of(const struct key_set *keys, const struct key *key, struct budget_payer *payer)
{
    size_t count = 0;
    const struct scope_rule *rules = key_set_rules(keys, &count);
    *payer = (struct budget_payer){.generation = 1};
    for (unsigned kind = 0; kind < SCOPE_KINDS; kind++) {
        payer->scopes[kind] = key->scopes[kind];
        payer->rules[kind] = rules + key->rules[kind].first;
        payer->rule_counts[kind] = key->rules[kind].count;
    }
}

/* What is written of a call: its records, ready but for the identifier. */
struct written {
    struct hold_record hold;
    struct settle_record settle;
    struct call_record call;
};

static void written_init(struct written *written)
{
    *written = (struct written){
        .hold = sample_hold(SEED, 1), .settle = sample_settle(SEED, 1), .call = sample_call(SEED)};
}

static void written_number(struct written *written, uint64_t number)
{
    memcpy(written->hold.call.bytes + 8, &number, sizeof(number));
    written->settle.call = written->hold.call;
    written->call.call = written->hold.call;
}

static bool one_call(const struct bench *bench, struct written *written)
{
    struct budget_claim claim = {0};
    const struct budget_want want = {.amount_nd = 40000, .tokens = 1500};
    struct budget_hold hold;
    struct budget_refusal refusal;
    struct budget_payer payer;
    const struct key *key =
        key_set_find(bench->keys, KEY_CLIENT, slice_from_cstr(bench->secret), 1);
    CHECK(key != NULL);
    payer_of(bench->keys, key, &payer);
    bool done = budget_enter(bench->budget, &payer, &claim, &refusal) &&
                budget_enter_model(bench->budget, &payer, SLICE("auto"), &claim, &refusal) &&
                budget_hold(bench->budget, &claim, &want, &hold, &refusal);
    if (done && bench->journal != NULL) {
        done = journal_hold(bench->journal, &written->hold);
    }
    if (done) {
        budget_settle(bench->budget, &claim, &hold, 17000);
    }
    if (done && bench->journal != NULL) {
        done = journal_settle_and_call(bench->journal, &written->settle, &written->call);
    }
    budget_leave(bench->budget, &claim, 900);
    return done;
}

static int64_t time_of(bool own)
{
    struct timespec now;
    clock_gettime(own ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void *work(void *user)
{
    struct bench *bench = user;
    struct written written;
    written_init(&written);
    int64_t start = time_of(bench->own);
    for (int i = 0; i < bench->calls; i++) {
        written_number(&written, (uint64_t)i);
        bench->refused += one_call(bench, &written) ? 0 : 1;
    }
    bench->took_ns = time_of(bench->own) - start;
    return NULL;
}

/* --- leases --- */

#define GRANTS 64

struct granter {
    struct budget *budget;
    pthread_t thread;
    atomic_bool stop;
    uint64_t exchanges;
};

/* An authority that has enough of everything. */
static size_t grant_all(struct budget *budget, enum lease_authority authority)
{
    struct lease_ask asks[GRANTS];
    struct lease_answer answers[GRANTS];
    size_t count = budget_lease_collect(budget, authority, asks, GRANTS);
    for (size_t i = 0; i < count; i++) {
        answers[i] = (struct lease_answer){.spent = asks[i].spent,
                                           .room = asks[i].room + asks[i].need_all + asks[i].want,
                                           .limit = asks[i].limit};
    }
    budget_lease_apply(budget, asks, answers, count);
    return count;
}

static void *grant_work(void *user)
{
    struct granter *granter = user;
    while (!atomic_load(&granter->stop)) {
        granter->exchanges += grant_all(granter->budget, LEASE_CAPS);
        granter->exchanges += grant_all(granter->budget, LEASE_RATES);
        nanosleep(&(struct timespec){.tv_nsec = 2 * NS_PER_MS}, NULL);
    }
    return NULL;
}

static void begin_leases(struct granter *granter, const struct bench *bench)
{
    const struct lease_options options = {.wait_ns = NS_PER_S};
    *granter = (struct granter){.budget = bench->budget};
    CHECK(budget_lease_enable(bench->budget, LEASE_CAPS, &options) &&
          budget_lease_enable(bench->budget, LEASE_RATES, &options));
    /* until the slices are as large as what is used: as on a node that is at work */
    for (int i = 0; i < 20000; i++) {
        (void)one_call(bench, NULL);
        (void)grant_all(bench->budget, LEASE_CAPS);
        (void)grant_all(bench->budget, LEASE_RATES);
    }
    CHECK(pthread_create(&granter->thread, NULL, grant_work, granter) == 0);
}

static void end_leases(struct granter *granter)
{
    atomic_store(&granter->stop, true);
    pthread_join(granter->thread, NULL);
    say("exchanges of a meter", (double)granter->exchanges, "");
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

/* As the ledger's writer would: the segments may be used again. */
static void read_all(const struct bench *bench)
{
    if (bench->journal != NULL) {
        journal_consumed(bench->journal, journal_end(bench->journal));
    }
}

static void bench_one(struct bench *bench, const char *what)
{
    double best = 1e18;
    for (int i = 0; i < ROUNDS; i++) {
        (void)work(bench);
        best = least(best, (double)bench->took_ns / bench->calls);
        read_all(bench);
    }
    say(what, best / 1e3, "us");
}

/* CPU time of a call, and the clock's of all calls by their number: a thread that sleeps for a lock
 * costs no CPU time. */
static void bench_four(struct bench *bench, const char *what, const char *what_of_clock)
{
    double best = 1e18;
    double best_of_clock = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[THREADS];
        struct bench each[THREADS];
        double sum = 0;
        uint64_t refused = 0;
        int64_t start = time_of(false);
        for (int i = 0; i < THREADS; i++) {
            each[i] = *bench;
            each[i].own = true;
            CHECK(pthread_create(&threads[i], NULL, work, &each[i]) == 0);
        }
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
            sum += (double)each[i].took_ns / bench->calls / THREADS;
            refused += each[i].refused - bench->refused;
        }
        best_of_clock =
            least(best_of_clock, (double)(time_of(false) - start) / bench->calls / THREADS);
        best = least(best, sum);
        bench->refused += refused;
        read_all(bench);
    }
    say(what, best / 1e3, "us");
    say(what_of_clock, best_of_clock / 1e3, "us");
}

/* Hold and settle in the journal as well, before and after what the provider would do. */
static void bench_journaled(struct bench *bench, const char *directory)
{
    struct error error;
    const struct journal_options options = {.directory = directory};
    bench->journal = journal_open(&options, &error);
    if (bench->journal == NULL) {
        stop_with(&error);
    }
    bench->calls = JOURNALED;
    bench->refused = 0;
    bench_one(bench, "with the journal, one thread");
    bench_four(bench, "with the journal, four threads, CPU",
               "with the journal, four threads, clock");
    say("refused with the journal", (double)bench->refused, "");
    journal_close(bench->journal);
    bench->journal = NULL;
    bench->calls = CALLS;
}

int main(int argc, char **argv)
{
    struct scratch scratch;
    char path[256];
    char secret[KEY_TEXT_SIZE];
    struct error error;
    int count = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 200;
    scratch_init(&scratch);
    scratch_file(&scratch, "sluice.db", path);
    const struct ledger_options options = {.path = path};
    struct ledger *ledger = ledger_open(&options, &error);
    if (ledger == NULL) {
        stop_with(&error);
    }
    ledger_close(ledger, 1000);
    make_keys(path, count, secret);
    struct bench bench = {.keys = key_set_load(path, &error),
                          .budget = budget_new(&clock_system),
                          .secret = secret,
                          .calls = CALLS};
    CHECK(bench.keys != NULL && bench.budget != NULL);
    bench_one(&bench, "limits of a call, one thread");
    bench_four(&bench, "limits of a call, four threads on one key",
               "limits of a call, four threads, clock");
    say("refused", (double)bench.refused, "");
    scratch_file(&scratch, "journal", path);
    bench_journaled(&bench, path);
    bench.refused = 0;
    struct granter granter;
    begin_leases(&granter, &bench);
    bench.refused = 0;
    bench_one(&bench, "with leases, one thread");
    bench_four(&bench, "with leases, four threads on one key", "with leases, four threads, clock");
    end_leases(&granter);
    say("refused for want of a slice, of a million", (double)bench.refused * 1e6 / ROUNDS / CALLS,
        "");
    key_set_unref(bench.keys);
    budget_free(bench.budget);
    scratch_release(&scratch);
    return 0;
}
