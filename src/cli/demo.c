/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sluice demo: a simulated fleet, the bundled workloads through a real gateway, and what came of
 * it. Nothing is hard-coded: the decisions are the router's, the labels are the workload's, the
 * prices are the rows of demo_fleet.c or the ones given with --price.
 */
#include "base/log.h"
#include "cli/arguments.h"
#include "cli/demo_gateway.h"
#include "cli/demo_load.h"
#include "cli/demo_text.h"
#include "cli/rows.h"
#include "cli/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEMO_DIVISOR 100 /* of the latencies */
#define DEMO_PARALLEL 32
#define BAR_WIDTH 32

static const struct demo_workload *const workloads[] = {&demo_mixed, &demo_coding_day};

struct bar {
    const char *title;
    bool shown;
};

static void draw_bar(void *user, size_t done, size_t total)
{
    const struct bar *bar = user;
    char cells[BAR_WIDTH + 1];
    size_t full = total == 0 ? BAR_WIDTH : done * BAR_WIDTH / total;
    if (!bar->shown) {
        return;
    }
    memset(cells, ' ', BAR_WIDTH);
    memset(cells, '#', full);
    cells[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r%-16s [%s] %zu/%zu%s", bar->title, cells, done, total,
            done == total ? "\n" : "");
}

struct demo_request {
    const char *prices[ARGUMENTS_MAX];
    size_t price_count;
    size_t limit;
    bool json;
};

static bool run_workload(const struct demo_workload *workload, const struct demo_request *request,
                         struct demo_fleet *fleet, struct demo_result *result, struct error *error)
{
    struct demo_gateway *demo = calloc(1, sizeof(*demo));
    struct bar bar = {workload->title, isatty(STDERR_FILENO) != 0};
    if (demo == NULL) {
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    bool ok = demo_fleet_start(fleet, workload, DEMO_DIVISOR, error) &&
              demo_gateway_directory(demo, error) && demo_gateway_start(demo, fleet, error);
    if (ok) {
        const struct demo_load_options options = {
            .workload = workload,
            .port = demo->port,
            .limit = request->limit,
            .parallel = DEMO_PARALLEL,
            .progress = draw_bar,
            .user = &bar,
        };
        ok = demo_load_run(&options, result, error);
        demo_gateway_stop(demo);
    }
    snapshot_unref(demo->snapshot);
    demo_gateway_clean(demo);
    demo_fleet_stop(fleet);
    free(demo);
    return ok;
}

static bool add_prices(const struct demo_request *request, struct demo_fleet *fleet,
                       struct error *error)
{
    for (size_t i = 0; i < request->price_count; i++) {
        if (!demo_price_add(fleet, request->prices[i], error)) {
            return false;
        }
    }
    return true;
}

/* A name that no workload knows would change nothing, silently. */
static bool price_is_of_a_target(const char *price)
{
    struct slice rest = slice_from_cstr(price);
    struct slice name = slice_cut(&rest, '=');
    for (size_t i = 0; i < ARRAY_LEN(workloads); i++) {
        for (size_t t = 0; t < workloads[i]->target_count; t++) {
            if (slice_eq(name, slice_from_cstr(workloads[i]->targets[t].name))) {
                return true;
            }
        }
    }
    return false;
}

static int run_all(const struct demo_request *request)
{
    struct buf out = BUF_INIT(1u << 20);
    struct error error;
    bool ok = true;
    demo_text_begin(request->json, &out);
    for (size_t i = 0; i < ARRAY_LEN(workloads) && ok; i++) {
        struct demo_fleet fleet = {.price_count = 0};
        struct demo_result result;
        ok = add_prices(request, &fleet, &error) &&
             run_workload(workloads[i], request, &fleet, &result, &error);
        if (ok) {
            demo_text_write(request->json, &fleet, &result, i > 0, &out);
        }
    }
    if (!ok) {
        buf_release(&out);
        return say_error("demo", &error);
    }
    demo_text_end(request->json, &out);
    return print_data(&out);
}

/* --price may be given several times; the parser keeps the last value, so the words are looked at
 * here. */
static void collect_prices(int argc, char **argv, struct demo_request *request)
{
    for (int i = 1; i < argc && request->price_count < ARRAY_LEN(request->prices); i++) {
        if (strcmp(argv[i], "--price") == 0 && i + 1 < argc) {
            request->prices[request->price_count++] = argv[++i];
        } else if (strncmp(argv[i], "--price=", 8) == 0) {
            request->prices[request->price_count++] = argv[i] + 8;
        }
    }
}

static int refuse_price(struct arguments *arguments, const char *price)
{
    struct buf names = BUF_INIT(1024);
    for (size_t i = 0; i < ARRAY_LEN(workloads); i++) {
        for (size_t t = 0; t < workloads[i]->target_count; t++) {
            buf_printf(&names, "%s%s", names.len == 0 ? "" : ", ", workloads[i]->targets[t].name);
        }
    }
    struct slice list = buf_slice(&names);
    int code = arguments_refuse(arguments, "--price wants NAME=IN/OUT, not \"%s\"; NAME: %.*s",
                                price, SLICE_ARG(list));
    buf_release(&names);
    return code;
}

static int demo_run(int argc, char **argv)
{
    struct arguments arguments;
    struct demo_request request = {.json = false};
    uint64_t limit = 0;
    int code;
    if (!arguments_begin(&demo_command, argc, argv, &arguments, &code)) {
        return code;
    }
    const char *text = arguments_value(&arguments, "requests");
    if (text != NULL && (!slice_to_u64(slice_from_cstr(text), &limit) || limit == 0)) {
        return arguments_refuse(&arguments, "--requests wants a whole number, not \"%s\"", text);
    }
    request.limit = (size_t)limit;
    request.json = arguments_given(&arguments, "json");
    collect_prices(argc, argv, &request);
    for (size_t i = 0; i < request.price_count; i++) {
        struct demo_fleet scratch = {.price_count = 0};
        struct error error;
        if (!price_is_of_a_target(request.prices[i])) {
            return refuse_price(&arguments, request.prices[i]);
        }
        if (!demo_price_add(&scratch, request.prices[i], &error)) {
            return arguments_refuse(&arguments, "%s", error.text);
        }
    }
    log_start(STDERR_FILENO, LOG_FORMAT_TEXT, LOG_WARN);
    code = run_all(&request);
    log_stop();
    return code;
}

static const struct argument demo_arguments[] = {
    {.name = "requests",
     .letter = 'n',
     .value = "N",
     .help = "send the first N prompts of each workload"},
    {.name = "price",
     .value = "NAME=IN/OUT",
     .help = "another price of a target, dollars per million tokens; may be repeated"},
    ARGUMENT_JSON,
};

const struct command demo_command = {
    .name = "demo",
    .summary = "simulated fleet and bundled workloads: routing and savings in seconds",
    .example = "sluice demo\nsluice demo --price gpt4=20/40\nsluice demo --requests 1000 --json\n",
    .details =
        "Providers and answers are simulated; the gateway, its decisions and its ledger are\n"
        "real. No key is needed and nothing leaves this machine.",
    .arguments = demo_arguments,
    .argument_count = ARRAY_LEN(demo_arguments),
    .run = demo_run,
};
