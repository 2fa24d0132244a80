/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ledger of 90 days as a company has it: 1,000 keys with caps, a third of them also with one of
 * the last 30 days, of users, teams and organisations;
 * 24 targets at prices that changed once; offers, forecasts, judges, failed attempts, evidence. Few
 * keys make most of the calls, as it is. Then the time of the start, of every question that reports
 * and dashboards ask, and of `ledger verify`: the rows, then the books and every cap. Prints one
 * figure a line. Usage: history_bench DIRECTORY [CALLS [KEYS]]; the ledger stays there as
 * history.db, and one that is there already is asked as it is.
 */
#include "store/budget.h"
#include "store/calibration.h"
#include "store/ledger.h"
#include "store/ledger_books.h"
#include "store/ledger_spend.h"
#include "store/report.h"
#include "store/sessions.h"
#include "tests/unit/store/store_testing.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define FLUSHED 50000 /* calls: the journal is not to become full */
#define FLUSH_MS 60000
#define HISTORY_DAYS 90LL
#define SECONDS_PER_DAY 86400LL
#define TARGETS 24
#define MENU 8
#define USERS 300
#define TEAMS 40
#define ORGANISATIONS 8
#define TAGS 10
#define ROUTES 5
#define ROUNDS 5
#define ARENA_BYTES (64 << 20)

static void say(const char *what, double value, const char *unit)
{
    printf("%-44s %12.3f %s\n", what, value, unit);
    fflush(stdout);
}

static int64_t now(void)
{
    return clock_monotonic(&clock_system);
}

static void need(bool done, const struct error *error)
{
    if (!done) {
        fprintf(stderr, "%s: %s\n", error->code, error->text);
        exit(1);
    }
}

/* --- the world ---------------------------------------------------------------------------------
 */

struct world {
    char path[256];
    int64_t first_ns;
    int64_t span_ns;
    size_t key_count;
    struct key *keys;
    struct offer offers[2][TARGETS]; /* of the first half and of the second */
    char names[2][TARGETS][16];
    struct random random;
};

static struct slice name_of(char *buffer, size_t size, const char *what, uint64_t number)
{
    snprintf(buffer, size, "%s-%03llu", what, (unsigned long long)number);
    return slice_from_cstr(buffer);
}

static void make_offers(struct world *world)
{
    static const char *const providers[] = {"openai",     "anthropic", "google",
                                            "openrouter", "deepseek",  "ollama"};
    for (size_t half = 0; half < 2; half++) {
        for (size_t i = 0; i < TARGETS; i++) {
            int64_t input_pd = 50000 * (int64_t)(i + 1) * (half == 0 ? 4 : 3);
            struct slice name = name_of(world->names[half][i], 16, "target", i);
            struct offer *offer = &world->offers[half][i];
            *offer = (struct offer){
                .kind = OFFER_PRICED,
                .target = name,
                .provider = slice_from_cstr(providers[i % ARRAY_LEN(providers)]),
                .model = name,
                .price = {.known = true,
                          .base = {input_pd, input_pd * 4, input_pd / 10, -1, -1, -1, -1, -1, -1,
                                   -1}},
            };
            offer_identify(offer);
        }
    }
}

static void make_key(struct world *world, size_t at)
{
    struct error error;
    char texts[4][32];
    char secret[KEY_TEXT_SIZE];
    const struct key_actor actor = {
        .name = SLICE("bench"), .source = SLICE("bench"), .wall_ns = world->first_ns};
    struct limit_order limits = {.limits = limits_none()};
    limits.limits.caps[0].period = CAP_MONTH;
    limits.limits.caps[0].amount_nd = INT64_C(1) << 50;
    limits.limits.cap_count = 1;
    if (at % 3 == 0) { /* its spending is told apart for longer */
        limits.limits.caps[1] = (struct spend_cap){
            .period = CAP_ROLLING, .window_s = 30 * SECONDS_PER_DAY, .amount_nd = INT64_C(1) << 50};
        limits.limits.cap_count = 2;
    }
    uint64_t organisation = at % ORGANISATIONS;
    struct key_order order = {.name = name_of(texts[0], 32, "key", at), .limits = &limits};
    order.limit_count = 1;
    order.scopes[SCOPE_USER] = name_of(texts[1], 32, "user", at % USERS / 8 * 8 + organisation);
    order.scopes[SCOPE_TEAM] = name_of(texts[2], 32, "team", at % TEAMS);
    order.scopes[SCOPE_ORGANISATION] = name_of(texts[3], 32, "organisation", organisation);
    need(key_create(world->path, &order, &actor, secret, &world->keys[at], &error), &error);
}

/* --- a call ------------------------------------------------------------------------------------
 */

struct making {
    struct journal *journal;
    struct world *world;
    struct id id;
    int64_t wall_ns;
    size_t half;
    const struct key *key;
    char key_name[32];
    char route[16];
    char tag[16];
    size_t first_target; /* of the route's menu */
    enum task task;
    char candidates[MENU * CANDIDATE_BYTES];
    struct call_record call;
    struct settle_record last;
    struct usage usage; /* of the answer */
};

static uint64_t below(struct making *m, uint64_t count)
{
    return random_below(&m->world->random, count);
}

/* A third power: the first tenth of the keys makes nearly half of the calls. */
static size_t pick_key(struct making *m)
{
    uint64_t part = below(m, 1000);
    return (size_t)(part * part * part * m->world->key_count / 1000000000);
}

static void begin_call(struct making *m, int64_t wall_ns)
{
    struct world *world = m->world;
    size_t key = pick_key(m);
    m->wall_ns = wall_ns;
    m->id = id_make_at(wall_ns, &world->random);
    m->half = wall_ns < world->first_ns + world->span_ns / 2 ? 0 : 1;
    m->key = &world->keys[key];
    m->task = (enum task)below(m, TASK_COUNT);
    uint64_t route = key % ROUTES;
    m->first_target = route * 4;
    const struct offer *baseline = &world->offers[m->half][TARGETS - 1];
    m->call = (struct call_record){
        .call = m->id,
        .wall_ns = wall_ns,
        .key_id = m->key->id,
        .key_name = name_of(m->key_name, sizeof(m->key_name), "key", key),
        .endpoint = SLICE("/v1/chat/completions"),
        .asked_model = SLICE("auto"),
        .route = name_of(m->route, sizeof(m->route), "route", route),
        .tag = name_of(m->tag, sizeof(m->tag), "tag", key % TAGS),
        .task = m->task,
        .tier = (enum tier)below(m, TIER_COUNT),
        .complexity_permille = (int32_t)below(m, 1001),
        .streamed = below(m, 2) == 0,
        .status = 200,
        .complete = true,
        .baseline = baseline->target,
        .baseline_offer = baseline->id,
        .first_byte_us = 200000 + (int64_t)below(m, 400000),
        .total_us = 900000 + (int64_t)below(m, 4000000),
    };
    memcpy(m->call.scopes, m->key->scopes, sizeof(m->call.scopes));
    m->usage = (struct usage){.input = 200 + (int64_t)below(m, 6000),
                              .output = 20 + (int64_t)below(m, 900),
                              .reported = true};
    m->usage.cache_read = (int64_t)below(m, (uint64_t)m->usage.input);
}

static const struct offer *offer_at(const struct making *m, size_t place)
{
    return &m->world->offers[m->half][(m->first_target + place) % TARGETS];
}

static void put_menu(struct making *m)
{
    char *out = m->candidates;
    for (size_t i = 0; i < MENU; i++) {
        const struct candidate candidate = {
            .offer = offer_at(m, i)->id,
            .expected_nd = price_cost(&offer_at(m, i)->price, &m->usage) / 1000 * 1000,
            .reason = i == 0 ? 1 : 5,
            .propensity_permille = i == 0 ? 1000 : 0,
            .success_permille = (unsigned)(700 + 20 * i),
        };
        out = candidate_put(out, &candidate);
    }
    m->call.candidates = slice_of(m->candidates, sizeof(m->candidates));
    m->call.expected_cost_nd = price_cost(&offer_at(m, 0)->price, &m->usage);
}

static struct hold_record hold_of(const struct making *m, const struct offer *offer)
{
    struct hold_record hold = {
        .call = m->id,
        .attempt = m->call.attempts,
        .wall_ns = m->wall_ns,
        .amount_nd = 2 * price_cost(&offer->price, &m->usage),
        .key_id = m->call.key_id,
        .target = offer->target,
        .provider = offer->provider,
        .model = offer->model,
        .key_name = m->call.key_name,
        .endpoint = m->call.endpoint,
        .asked_model = m->call.asked_model,
        .route = m->call.route,
        .task = m->call.task,
        .tier = m->call.tier,
        .tag = m->call.tag,
    };
    memcpy(hold.scopes, m->call.scopes, sizeof(hold.scopes));
    return hold;
}

static struct settle_forecast forecast_of(struct making *m)
{
    return (struct settle_forecast){
        .given = true,
        .streamed = m->call.streamed,
        .task = m->task,
        .input = m->usage.input,
        .output = 100 + (int64_t)below(m, 600),
        .output_high = 900,
        .cost_nd = m->call.expected_cost_nd,
        .latency_ms = 1500,
        .has_output = true,
        .has_input = true,
        .log_output = 5000,
        .log_input = 100,
        .size = (unsigned)below(m, FORECAST_SIZES),
        .first_bucket = (unsigned)below(m, FORECAST_BUCKETS),
        .total_bucket = (unsigned)below(m, FORECAST_BUCKETS),
    };
}

/* A hold and its settle; the last one's settle goes with the call. */
static void attempt(struct making *m, const struct offer *offer, enum attempt_purpose purpose,
                    bool fails)
{
    m->call.attempts++;
    struct hold_record hold = hold_of(m, offer);
    struct settle_record *settle = &m->last;
    if (m->call.attempts > 1) {
        CHECK(journal_settle(m->journal, settle));
    }
    *settle = (struct settle_record){
        .call = m->id,
        .attempt = m->call.attempts,
        .wall_ns = m->wall_ns + NS_PER_S,
        .released_nd = hold.amount_nd,
        .key_id = m->call.key_id,
        .outcome = fails ? ATTEMPT_FAILED : ATTEMPT_OK,
        .status = fails ? 429 : 200,
        .priced = true,
        .first_byte_us = fails ? -1 : m->call.first_byte_us,
        .total_us = m->call.total_us,
        .target = offer->target,
        .provider = offer->provider,
        .model = offer->model,
        .lane = SLICE("verbatim"),
        .error = fails ? SLICE("rate_limited") : SLICE_EMPTY,
        .offer = offer->id,
        .basis = fails ? CHARGE_NOTHING : CHARGE_PRICE,
        .purpose = purpose,
        .catalogue_nd = RECORD_NO_CATALOGUE,
    };
    if (!fails) {
        settle->usage = m->usage;
        settle->cost_nd = price_cost(&offer->price, &m->usage);
        settle->forecast = forecast_of(m);
        m->call.cost_nd += settle->cost_nd;
    }
    CHECK(journal_hold(m->journal, &hold));
}

static void say_worth(struct making *m)
{
    uint64_t which = below(m, 100);
    if (which < 4) {
        const struct evidence_record record = {
            .call = m->id,
            .wall_ns = m->wall_ns + 2 * NS_PER_S,
            .source = which == 0 ? EVIDENCE_FEEDBACK : EVIDENCE_VERDICT,
            .score_ppm = (uint32_t)below(m, EVIDENCE_PPM + 1),
            .weight_ppm = EVIDENCE_PPM,
            .success_permille = 800,
            .key_id = m->call.key_id,
            .task = m->task,
            .tag = m->call.tag,
            .route = m->call.route,
            .target = m->call.target,
        };
        CHECK(journal_evidence(m->journal, &record));
    }
}

static void one_call(struct making *m, int64_t wall_ns)
{
    begin_call(m, wall_ns);
    put_menu(m);
    uint64_t kind = below(m, 100);
    size_t place = kind < 8 ? 1 : 0;
    const struct offer *offer = offer_at(m, place);
    if (kind < 8) {
        attempt(m, offer_at(m, 0), ATTEMPT_FOR_ANSWER, true);
    }
    attempt(m, offer, ATTEMPT_FOR_ANSWER, false);
    if (kind >= 96) {
        attempt(m, offer_at(m, 2), ATTEMPT_FOR_JUDGE, false);
    }
    m->call.target = offer->target;
    m->call.provider = offer->provider;
    m->call.model = offer->model;
    m->call.input_tokens = m->usage.input;
    m->call.output_tokens = m->usage.output;
    m->call.baseline_nd = price_cost(&m->world->offers[m->half][TARGETS - 1].price, &m->usage);
    CHECK(journal_settle_and_call(m->journal, &m->last, &m->call));
    say_worth(m);
}

/* --- filling -----------------------------------------------------------------------------------
 */

static struct ledger *open_bench(const char *path)
{
    struct error error;
    const struct ledger_options options = {.path = path};
    struct ledger *ledger = ledger_open(&options, &error);
    need(ledger != NULL, &error);
    return ledger;
}

/* As a server does every hour, had it run for all that time. */
static void fold(const char *path)
{
    struct error error;
    sqlite3 *db = database_open(path, DATABASE_CHANGE, &error);
    need(db != NULL, &error);
    CHECK(spends_fold(db, clock_wall(&clock_system) / NS_PER_S));
    sqlite3_close(db);
}

static void fill(struct world *world, uint64_t calls)
{
    ledger_close(open_bench(world->path), FLUSH_MS);
    for (size_t i = 0; i < world->key_count; i++) {
        make_key(world, i);
    }
    struct ledger *ledger = open_bench(world->path);
    struct making *m = calloc(1, sizeof(*m));
    CHECK(m != NULL);
    *m = (struct making){.journal = ledger_journal(ledger), .world = world};
    make_offers(world);
    for (size_t i = 0; i < TARGETS; i++) {
        CHECK(journal_offer(m->journal, &world->offers[0][i]));
        CHECK(journal_offer(m->journal, &world->offers[1][i]));
    }
    for (uint64_t i = 0; i < calls; i++) {
        one_call(m, world->first_ns + world->span_ns / (int64_t)calls * (int64_t)i);
        CHECK((i + 1) % FLUSHED != 0 || ledger_flush(ledger, FLUSH_MS));
    }
    ledger_close(ledger, FLUSH_MS);
    free(m);
    fold(world->path);
}

/* --- asking ------------------------------------------------------------------------------------
 */

static int compare_times(const void *left, const void *right)
{
    const int64_t *a = left;
    const int64_t *b = right;
    return (*a > *b) - (*a < *b);
}

/* The median of some rounds, each with a connection of its own. */
static void time_of(const char *what, void (*question)(const void *), const void *user)
{
    int64_t took[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        int64_t start = now();
        question(user);
        took[i] = now() - start;
    }
    qsort(took, ROUNDS, sizeof(took[0]), compare_times);
    say(what, (double)took[ROUNDS / 2] / 1e6, "ms");
}

struct asked {
    const char *path;
    enum report_by by;
    int64_t since_s;
    uint64_t key;
    const char *before; /* a cursor or "" */
    struct id call;
};

static void ask_report(const void *user)
{
    const struct asked *asked = user;
    struct report report;
    struct error error;
    need(asked->key == 0 ? report_make(asked->path, asked->by, asked->since_s, 0, &report, &error)
                         : report_make_of_key(asked->path, asked->key, asked->by, asked->since_s, 0,
                                              &report, &error),
         &error);
    report_release(&report);
}

static void ask_calls(const void *user)
{
    const struct asked *asked = user;
    struct arena arena;
    struct call_page page;
    struct error error;
    struct slice before = slice_from_cstr(asked->before);
    arena_init(&arena, ARENA_BYTES);
    need(asked->key == 0
             ? report_calls(asked->path, before, 50, &arena, &page, &error)
             : report_calls_of_key(asked->path, asked->key, before, 50, &arena, &page, &error),
         &error);
    CHECK(page.count > 0);
    arena_release(&arena);
}

static void ask_call(const void *user)
{
    const struct asked *asked = user;
    struct arena arena;
    struct call_detail detail;
    struct error error;
    arena_init(&arena, ARENA_BYTES);
    need(report_call(asked->path, asked->call, &arena, &detail, &error), &error);
    arena_release(&arena);
}

/* What an export reads before its first row. */
static void ask_export(const void *user)
{
    const struct asked *asked = user;
    struct arena arena;
    struct error error;
    struct id before;
    struct detail_page page;
    memset(&before, 0xFF, sizeof(before));
    arena_init(&arena, ARENA_BYTES);
    need(report_details(asked->path, report_id_at(asked->since_s * NS_PER_S), before,
                        REPORT_CALLS_MAX, &arena, &page, &error),
         &error);
    CHECK(page.count > 0);
    arena_release(&arena);
}

static void ask_calibration(const void *user)
{
    const struct asked *asked = user;
    struct calibration report;
    struct error error;
    need(calibration_make(asked->path, asked->since_s, &report, &error), &error);
    calibration_release(&report);
}

static void ask_reports(const struct world *world, int64_t days)
{
    struct asked asked = {.path = world->path, .before = ""};
    char what[64];
    asked.since_s = clock_wall(&clock_system) / NS_PER_S - days * SECONDS_PER_DAY;
    for (int by = 0; by < REPORT_BYS; by++) {
        asked.by = (enum report_by)by;
        snprintf(what, sizeof(what), "report by %s, %lld days", report_by_name(asked.by),
                 (long long)days);
        time_of(what, ask_report, &asked);
    }
    snprintf(what, sizeof(what), "calibration, %lld days", (long long)days);
    time_of(what, ask_calibration, &asked);
    asked.key = 1; /* the busiest */
    for (int by = REPORT_DAY; by <= REPORT_MODEL; by++) {
        asked.by = (enum report_by)by;
        snprintf(what, sizeof(what), "report of a key by %s, %lld days", report_by_name(asked.by),
                 (long long)days);
        time_of(what, ask_report, &asked);
    }
}

static void ask_lists(const struct world *world)
{
    char middle[REPORT_CURSOR_SIZE];
    struct arena arena;
    struct call_page page;
    struct error error;
    struct asked asked = {.path = world->path, .before = ""};
    id_format(report_id_at(world->first_ns + world->span_ns / 2), middle);
    time_of("newest 50 calls", ask_calls, &asked);
    asked.before = middle;
    time_of("50 calls of the middle", ask_calls, &asked);
    arena_init(&arena, ARENA_BYTES);
    need(report_calls(asked.path, slice_from_cstr(middle), 1, &arena, &page, &error), &error);
    asked.call = page.rows[0].call.call;
    arena_release(&arena);
    time_of("one call", ask_call, &asked);
    asked.before = "";
    time_of("first page of an export of all", ask_export, &asked);
    asked.since_s = world->first_ns / NS_PER_S + world->span_ns / NS_PER_S / 2;
    time_of("first page of an export from the middle", ask_export, &asked);
    asked.key = 1;
    time_of("newest 50 calls of the busiest key", ask_calls, &asked);
    asked.key = world->key_count * 19 / 20;
    time_of("newest 50 calls of the rarest key", ask_calls, &asked);
    asked.before = middle;
    time_of("50 calls of the rarest key, of the middle", ask_calls, &asked);
}

/* What a server's start reads, and a second time with everything in the page cache. */
static void no_task(void *user, const struct learned_task *learned)
{
    (void)user;
    (void)learned;
}

static void no_times(void *user, const struct learned_times *learned)
{
    (void)user;
    (void)learned;
}

static void no_evidence(void *user, const struct evidence_sum *sum)
{
    (void)user;
    (void)sum;
}

struct effort {
    int64_t at_ns;
    struct rusage used;
};

static struct effort effort_now(void)
{
    struct effort effort = {.at_ns = now()};
    getrusage(RUSAGE_SELF, &effort.used);
    return effort;
}

static double ms_of(const struct timeval *time)
{
    return (double)time->tv_sec * 1000.0 + (double)time->tv_usec / 1000.0;
}

/* Its time, and what of that was work: the rest is disk, or other programs. */
static void say_effort(const char *what, const struct effort *since)
{
    char text[64];
    struct effort effort = effort_now();
    double cpu_ms = ms_of(&effort.used.ru_utime) + ms_of(&effort.used.ru_stime) -
                    ms_of(&since->used.ru_utime) - ms_of(&since->used.ru_stime);
    say(what, (double)(effort.at_ns - since->at_ns) / 1e6, "ms");
    snprintf(text, sizeof(text), "%s, CPU", what);
    say(text, cpu_ms, "ms");
    snprintf(text, sizeof(text), "%s, read from disk", what);
    say(text, (double)(effort.used.ru_inblock - since->used.ru_inblock) / 2.0, "KB");
}

/* So that the next one reads it from disk: the pages that nobody else uses. */
static void forget_pages(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        close(fd);
    }
}

/* A part of the start, since the one before it. */
static void say_part(const char *what, int64_t *since)
{
    int64_t at = now();
    say(what, (double)(at - *since) / 1e6, "ms");
    *since = at;
}

static void time_start(const char *path)
{
    static const struct learned_visitor visitor = {.task = no_task, .times = no_times};
    struct error error;
    int64_t wall_ns = clock_wall(&clock_system);
    char what[64];
    static const char *const kinds[] = {"start", "start again", "start, nothing in memory"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        size_t rules = 0;
        if (i == 2) {
            forget_pages(path);
        }
        struct effort start = effort_now();
        struct ledger *ledger = open_bench(path);
        struct key_set *keys = key_set_load(path, &error);
        need(keys != NULL, &error);
        struct budget *budget = budget_new(&clock_system);
        int64_t since = now();
        struct sessions *sessions = sessions_new(0);
        CHECK(budget != NULL && sessions != NULL);
        const struct scope_rule *all = key_set_rules(keys, &rules);
        need(budget_load(budget, path, 1, all, rules, &error), &error);
        snprintf(what, sizeof(what), "%s: what was spent", kinds[i]);
        say_part(what, &since);
        need(sessions_load(sessions, path, wall_ns, &error), &error);
        need(calibration_learned(path, wall_ns / NS_PER_S, &visitor, &error), &error);
        need(ledger_evidence_read(path, wall_ns / NS_PER_S, no_evidence, NULL, &error), &error);
        say_effort(kinds[i], &start);
        key_set_unref(keys);
        budget_free(budget);
        sessions_free(sessions);
        ledger_close(ledger, 1000);
    }
}

int main(int argc, char **argv)
{
    struct world *world = calloc(1, sizeof(*world));
    struct error error;
    struct stat info;
    if (argc < 2 || world == NULL) {
        fprintf(stderr, "usage: history_bench DIRECTORY [CALLS [KEYS]]\n");
        return 2;
    }
    uint64_t calls = argc > 2 ? strtoull(argv[2], NULL, 10) : 200000;
    world->key_count = argc > 3 ? strtoull(argv[3], NULL, 10) : 1000;
    world->keys = calloc(world->key_count, sizeof(*world->keys));
    CHECK(calls > 0 && world->key_count > 0 && world->keys != NULL);
    snprintf(world->path, sizeof(world->path), "%s/history.db", argv[1]);
    world->span_ns = HISTORY_DAYS * SECONDS_PER_DAY * NS_PER_S;
    world->first_ns = clock_wall(&clock_system) - world->span_ns;
    random_seed(&world->random, 1);
    if (stat(world->path, &info) != 0) {
        int64_t start = now();
        fill(world, calls);
        say("filled in", (double)(now() - start) / 1e9, "s");
    }
    CHECK(stat(world->path, &info) == 0);
    say("database bytes per call", (double)info.st_size / (double)calls, "");
    time_start(world->path);
    static const int64_t ranges[] = {1, 7, 30, HISTORY_DAYS + 1, 365};
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        ask_reports(world, ranges[i]);
    }
    ask_lists(world);
    int64_t start = now();
    need(ledger_verify(world->path, &error), &error);
    say("verify", (double)(now() - start) / 1e9, "s");
    struct ledger_books books;
    start = now();
    need(ledger_books_check(world->path, &books, &error), &error);
    say("verify: books and caps", (double)(now() - start) / 1e9, "s");
    say("holds played again", (double)books.holds, "");
    free(world->keys);
    free(world);
    return 0;
}
