/* SPDX-License-Identifier: Apache-2.0 */
/* What people read: tables, amounts, reports, the banner. */
#include "cli/banner.h"
#include "cli/listen.h"
#include "cli/report.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "route/check.h"

#include "tests/tap.h"

#include <stdlib.h>

static void tables_are_aligned(void)
{
    static const struct table_column columns[] = {{"NAME", false}, {"N", true}, {"", false}};
    struct table table;
    struct buf out = BUF_INIT(4096);
    table_init(&table, columns, ARRAY_LEN(columns));
    table_cstr(&table, "caf\xc3\xa9");
    table_count(&table, 1234567);
    table_cstr(&table, "x");
    table_cstr(&table, "longer");
    table_count(&table, -1);
    table_cstr(&table, "");
    table_write(&table, 1, &out);
    EXPECT_SLICE(buf_slice(&out), " NAME            N\n"
                                  " caf\xc3\xa9    1,234,567  x\n"
                                  " longer         -1\n");
    table_release(&table);
    buf_release(&out);
}

static void names_cannot_harm_the_terminal(void)
{
    struct buf out = BUF_INIT(4096);
    put_harmless(&out, SLICE("a\033[31mb\xc2\x9b"
                             "c\xe2\x80\xae"
                             "d\xff\n"));
    EXPECT_SLICE(buf_slice(&out), "a?[31mb?c?d??");
    buf_release(&out);
}

static void put(struct buf *out, void (*writer)(struct buf *, int64_t), int64_t value)
{
    writer(out, value);
    buf_append_char(out, ' ');
}

static void amounts_read_well(void)
{
    struct buf out = BUF_INIT(4096);
    put(&out, put_usd, 1500000000);
    put(&out, put_usd, -1);
    put(&out, put_usd, INT64_MIN);
    put(&out, put_count, 0);
    put(&out, put_count, -1000);
    put(&out, put_count, 999);
    put(&out, put_rate, 250000);
    put(&out, put_rate, 15000000);
    EXPECT_SLICE(buf_slice(&out),
                 "$1.50 -$0.000000001 -$9223372036.854775807 0 -1,000 999 0.25 15 ");
    buf_release(&out);
}

static void spans_of_time_are_read(void)
{
    int64_t value = -1;
    EXPECT(parse_days("7d", &value));
    EXPECT_INT(value, 604800);
    EXPECT(parse_days("12h", &value));
    EXPECT_INT(value, 43200);
    EXPECT(!parse_days("d", &value));
    EXPECT(!parse_days("7", &value));
    EXPECT(!parse_days("7m", &value));
    EXPECT(!parse_days("-1d", &value));
    EXPECT(!parse_days("99999999999999999999d", &value));
    EXPECT(report_parse_since("2026-11-21", 0, &value));
    EXPECT_INT(value, 1795219200);
    EXPECT(report_parse_since("1d", 1795219200, &value));
    EXPECT_INT(value, 1795132800);
    EXPECT(report_parse_since("5w", 100, &value));
    EXPECT_INT(value, 0);
    EXPECT(report_parse_since("all", 100, &value));
    EXPECT_INT(value, 0);
    EXPECT(!report_parse_since("2026-13-01", 0, &value));
    EXPECT(!report_parse_since("2026-11-21x", 0, &value));
    EXPECT(!report_parse_since("yesterday", 0, &value));
}

static const struct report_row sample[] = {
    {.name = "gpt-4, \"turbo\"",
     .calls = 1200,
     .failed = 3,
     .input_tokens = 1000000,
     .output_tokens = 20,
     .cost_nd = 500000000,
     .baseline_nd = 2000000000,
     .estimated = 1},
    {.name = "dear", .calls = 1, .cost_nd = 30, .baseline_nd = 20},
    {.name = "free", .calls = 1},
};

static struct report sample_report(struct report_row rows[3])
{
    memcpy(rows, sample, sizeof(sample));
    return (struct report){.rows = rows,
                           .count = 3,
                           .total = {.name = "total",
                                     .calls = 1202,
                                     .cost_nd = 500000030,
                                     .baseline_nd = 2000000020,
                                     .estimated = 1}};
}

static void reports_have_totals(void)
{
    struct report_row rows[3];
    struct report report = sample_report(rows);
    struct buf out = BUF_INIT(1u << 16);
    report_write_text(&report, REPORT_MODEL, &out);
    struct slice rest = buf_slice(&out);
    EXPECT_SLICE(slice_cut(&rest, '\n'), "MODEL           CALLS  FAILED  TOKENS IN  TOKENS OUT"
                                         "        SPEND     BASELINE         SAVED  SAVED %");
    EXPECT_SLICE(slice_cut(&rest, '\n'), "gpt-4, \"turbo\"  1,200       3  1,000,000          20"
                                         "        $0.50        $2.00         $1.50   75.0 %");
    EXPECT_SLICE(slice_cut(&rest, '\n'), "dear                1       0          0           0"
                                         "  $0.00000003  $0.00000002  -$0.00000001  -50.0 %");
    EXPECT_SLICE(slice_cut(&rest, '\n'), "free                1       0          0           0"
                                         "        $0.00        $0.00         $0.00        -");
    EXPECT(slice_starts(rest, SLICE("total           1,202")));
    slice_cut(&rest, '\n');
    EXPECT_SLICE(rest, "1 call without usage from the provider is an estimate.\n");
    buf_release(&out);
}

static void huge_shares_do_not_overflow(void)
{
    struct report report = {.total = {.cost_nd = INT64_MAX, .baseline_nd = INT64_MAX / 2}};
    struct buf out = BUF_INIT(1u << 16);
    report_write_text(&report, REPORT_DAY, &out);
    EXPECT(slice_find_slice(buf_slice(&out), SLICE("-100.0 %")) != SIZE_MAX);
    buf_release(&out);
}

static void csv_is_quoted(void)
{
    struct report_row rows[3];
    struct report report = sample_report(rows);
    struct buf out = BUF_INIT(1u << 16);
    report.count = 1;
    report_write_csv(&report, REPORT_MODEL, &out);
    EXPECT_SLICE(buf_slice(&out), "model,calls,failed,input_tokens,output_tokens,cost_usd,"
                                  "baseline_usd,saved_usd,estimated\n"
                                  "\"gpt-4, \"\"turbo\"\"\",1200,3,1000000,20,0.50,2.00,1.50,1\n");
    buf_release(&out);
}

/* A classifier's opinion, a failed attempt that was charged for, and an answer with a cached
 * prompt, weighed against a target without a price. */
static const struct offer explained_offers[] = {
    {1,
     OFFER_PRICED,
     SLICE_INIT("cheap"),
     SLICE_INIT("lab"),
     SLICE_INIT("cheap-1"),
     {.known = true,
      .base = {3000000, 4000000, 300000, -1, -1, -1, -1, -1, -1, -1},
      .per_request_nd = 5}},
    {2,
     OFFER_PRICED,
     SLICE_INIT("dear\x1b"),
     SLICE_INIT("lab"),
     SLICE_INIT("dear-1"),
     {.known = true, .base = {10000000, 20000000, -1, -1, -1, -1, -1, -1, -1, -1}}},
    {3,
     OFFER_UNPRICED,
     SLICE_INIT("odd"),
     SLICE_INIT("lab"),
     SLICE_INIT("odd-1"),
     {.known = false}},
};

static struct settle_record explained_attempts[] = {
    {.attempt = 1,
     .purpose = ATTEMPT_FOR_JUDGE,
     .basis = CHARGE_PROVIDER,
     .cost_nd = 500,
     .catalogue_nd = 400,
     .target = SLICE_INIT("cheap"),
     .provider = SLICE_INIT("lab"),
     .model = SLICE_INIT("cheap-1"),
     .usage = {.reported = true}},
    {.attempt = 2,
     .basis = CHARGE_HOLD,
     .cost_nd = 900,
     .catalogue_nd = -1,
     .offer = 1,
     .outcome = ATTEMPT_FAILED,
     .target = SLICE_INIT("cheap"),
     .provider = SLICE_INIT("lab"),
     .model = SLICE_INIT("cheap-1")},
    {.attempt = 3,
     .basis = CHARGE_PRICE,
     .cost_nd = 338005,
     .catalogue_nd = -1,
     .offer = 1,
     .target = SLICE_INIT("cheap"),
     .provider = SLICE_INIT("lab"),
     .model = SLICE_INIT("cheap-1"),
     .usage = {.input = 100, .output = 50, .cache_read = 60, .reported = true}},
};

static const char explanation[] =
    "Call 00000000-0000-0000-0000-000000000000 of 1970-01-01T00:00:00.000Z\n"
    "  task math, tier mid, asked for auto, answered by cheap, status 200\n"
    "  the answer was accepted: good with 87.5 %, arithmetic found fault with it\n"
    "\n"
    "What it cost\n"
    "\n"
    "  1. classifier or judge: cheap (lab, cheap-1), ok\n"
    "       charged: what the provider says that it charges    $0.0000005\n"
    "       the same at the catalogue's price                  $0.0000004\n"
    "       difference                                         $0.0000001\n"
    "\n"
    "  2. attempt: cheap (lab, cheap-1), failed, usage estimated\n"
    "       charged: what was held, as nobody knows what was used    $0.0000009\n"
    "\n"
    "  3. attempt: cheap (lab, cheap-1), ok\n"
    "     60  tokens read from a cache  x $0.30 per million     = $0.000018\n"
    "     40  input tokens              x $3.00 per million      = $0.00012\n"
    "     50  output tokens             x $4.00 per million       = $0.0002\n"
    "      1  request                        x $0.000000005  = $0.000000005\n"
    "         charged                                          $0.000338005\n"
    "\n"
    "  all together: $0.000339405\n"
    "\n"
    "What was weighed, at the prices of that moment\n"
    "\n"
    "  TARGET  WHY                     CHANCE  EXPECTED    THIS USAGE\n"
    "  cheap   taken: cheapest         90.0 %  $0.00031  $0.000338005  <- answered\n"
    "  dear?   taken: fallback         10.0 %   $0.0019        $0.002\n"
    "  odd     refused: price_unknown   0.0 %   unknown       unknown\n"
    "\n"
    "What it saved\n"
    "\n"
    "  baseline: dear?\n"
    "     60  tokens read from a cache    x $10.00 per million  = $0.0006\n"
    "     40  input tokens                x $10.00 per million  = $0.0004\n"
    "     50  output tokens               x $20.00 per million   = $0.001\n"
    "         the answer at the baseline                           $0.002\n"
    "\n"
    "  baseline                            $0.002\n"
    "  less the answer              -$0.000338005\n"
    "  = gross savings               $0.001661995\n"
    "  less attempts that failed      -$0.0000009\n"
    "  less classifiers and judges    -$0.0000005\n"
    "  = net savings                 $0.001660595\n";

static void a_call_is_explained(void)
{
    const struct offer *offers[] = {&explained_offers[0], &explained_offers[1],
                                    &explained_offers[2]};
    char candidates[3 * CANDIDATE_BYTES];
    const struct candidate weighed[] = {
        {1, 310000, 3, 900, 0}, {2, 1900000, 5, 100, 0}, {3, 0, 38, 0, 0}};
    struct call_detail detail = {
        .row = {.call = {.asked_model = SLICE("auto"),
                         .target = SLICE("cheap"),
                         .task = TASK_MATH,
                         .tier = TIER_MID,
                         .status = 200,
                         .cost_nd = 339405,
                         .baseline_nd = 2000000,
                         .baseline_offer = 2,
                         .verdict = verdict_pack(CALL_ACCEPTED, CHECK_ARITHMETIC, 875),
                         .candidates = {candidates, sizeof(candidates)}}},
        .attempts = explained_attempts,
        .count = ARRAY_LEN(explained_attempts),
        .offers = offers,
        .offer_count = ARRAY_LEN(offers),
    };
    struct buf out = BUF_INIT(1u << 16);
    for (size_t i = 0; i < ARRAY_LEN(weighed); i++) {
        candidate_put(candidates + i * CANDIDATE_BYTES, &weighed[i]);
    }
    report_explain_call(&detail, &out);
    EXPECT_SLICE(buf_slice(&out), explanation);
    buf_release(&out);
}

static struct snapshot *snapshot_of(const char *text)
{
    struct diagnostics diagnostics;
    const struct config_options options = {.file = "sluice.yaml",
                                           .environment = &config_environment_process,
                                           .wall_s = 1795000000,
                                           .generation = 1};
    struct snapshot *snapshot = config_load(slice_from_cstr(text), &options, &diagnostics);
    diagnostics_release(&diagnostics);
    EXPECT(snapshot != NULL);
    if (snapshot == NULL) {
        exit(tap_done());
    }
    return snapshot;
}

static const char small[] = "providers: { ollama: {} }\n"
                            "targets: { a: { provider: ollama, model: a } }\n"
                            "ledger: { path: /home/me/sluice.db }\n";

static void the_banner_tells_where(void)
{
    struct snapshot *snapshot = snapshot_of(small);
    const struct banner banner = {.snapshot = snapshot,
                                  .file = "sluice.yaml",
                                  .no_ledger = "",
                                  .home = "/home/me",
                                  .ledger_is_new = true,
                                  .port = 4141,
                                  .ready_ms = 12};
    struct buf out = BUF_INIT(1u << 16);
    banner_write(&banner, &out);
    EXPECT_SLICE(buf_slice(&out),
                 "sluice " SLUICE_VERSION "  ready in 12 ms\n"
                 "  API        http://127.0.0.1:4141/v1\n"
                 "  Config     sluice.yaml\n"
                 "  Providers  ollama (http://127.0.0.1:11434, 1 target)\n"
                 "  Ledger     ~/sluice.db (new)\n"
                 "  Keys       not required: only this machine can connect\n"
                 "Try it:\n"
                 "  curl http://127.0.0.1:4141/v1/chat/completions \\\n"
                 "    -H 'Content-Type: application/json' \\\n"
                 "    -d '{\"model\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":\"Say "
                 "hi\"}]}'\n");
    buf_release(&out);
    snapshot_unref(snapshot);
}

static void the_banner_is_small(void)
{
    struct buf text = BUF_INIT(1u << 16);
    struct buf out = BUF_INIT(1u << 16);
    buf_append_cstr(&text, "providers:\n");
    for (int i = 0; i < 9; i++) {
        buf_printf(&text,
                   "  a-provider-with-a-long-name-%d: { base_url: 'http://127.0.0.1:%d/%s' }\n", i,
                   8000 + i, "a/path/that/goes/on/and/on/and/on/and/on/and/on/and/on/v1");
    }
    buf_append_cstr(&text, "targets: { t: { provider: a-provider-with-a-long-name-0, model: m, "
                           "price: { input_per_mtok: 1, output_per_mtok: 1 } } }\n"
                           "keys: { required: true }\n");
    buf_append_char(&text, '\0');
    struct snapshot *snapshot = snapshot_of(text.ptr);
    snapshot->simulated = true;
    const struct banner banner = {.snapshot = snapshot,
                                  .file = "a/directory/with/a/long/name/another/directory/with/a/"
                                          "long/name/sluice.yaml",
                                  .no_ledger = "",
                                  .port = 65535,
                                  .ready_ms = 1000};
    banner_write(&banner, &out);
    size_t lines = 0;
    struct slice rest = buf_slice(&out);
    while (rest.len > 0) {
        EXPECT(slice_cut(&rest, '\n').len <= 80);
        lines++;
    }
    EXPECT_INT(lines, 14);
    EXPECT(slice_find_slice(buf_slice(&out), SLICE("and 6 more")) != SIZE_MAX);
    EXPECT(slice_find_slice(buf_slice(&out), SLICE("Bearer $SLUICE_KEY")) != SIZE_MAX);
    EXPECT(slice_find_slice(buf_slice(&out), SLICE("SIMULATED")) != SIZE_MAX);
    buf_release(&text);
    buf_release(&out);
    snapshot_unref(snapshot);
}

static void addresses_are_overridden(void)
{
    struct snapshot *snapshot = snapshot_of(small);
    struct error error;
    struct buf url = BUF_INIT(1024);
    EXPECT(listen_override(snapshot, "4999", &error));
    EXPECT_INT(snapshot->server.listen_count, 1);
    EXPECT_SLICE(snapshot->server.listen[0], "127.0.0.1:4999");
    EXPECT(listen_override(snapshot, "[::1]:4998", &error));
    listen_put_url(&snapshot->server, 0, &url);
    EXPECT_SLICE(buf_slice(&url), "http://[::1]:4998");
    EXPECT(!listen_override(snapshot, "0.0.0.0:4141", &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "open_listener");
    EXPECT(!listen_override(snapshot, "nonsense", &error));
    EXPECT(!listen_override(snapshot, "x' } #:1", &error));
    EXPECT(!listen_override(snapshot, "127.0.0.1:99999", &error));
    EXPECT_SLICE(snapshot->server.listen[0], "[::1]:4998");
    snapshot->keys_required = true;
    EXPECT(listen_override(snapshot, "*:4141", &error));
    buf_clear(&url);
    listen_put_url(&snapshot->server, 4141, &url);
    EXPECT_SLICE(buf_slice(&url), "http://127.0.0.1:4141");
    buf_release(&url);
    snapshot_unref(snapshot);
}

int main(void)
{
    TEST(tables_are_aligned, "tables are aligned by characters, without trailing space");
    TEST(names_cannot_harm_the_terminal, "control characters in names are replaced");
    TEST(amounts_read_well, "amounts, counts and rates read well");
    TEST(spans_of_time_are_read, "spans of time and days are read");
    TEST(reports_have_totals, "a report has a total, savings and a share");
    TEST(huge_shares_do_not_overflow, "a share of huge amounts does not overflow");
    TEST(a_call_is_explained, "a call is explained by its arithmetic");
    TEST(csv_is_quoted, "names in CSV are quoted");
    TEST(the_banner_tells_where, "the banner tells where everything is and how to try it");
    TEST(the_banner_is_small, "the banner has at most 14 lines of 80 columns");
    TEST(addresses_are_overridden, "--listen obeys the rules of the configuration");
    return tap_done();
}
