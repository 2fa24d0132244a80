/* SPDX-License-Identifier: Apache-2.0 */
/* sluice models: the routes and targets of the configuration. */
#include "cli/arguments.h"
#include "cli/load.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "gateway/rows_json.h"
#include "gateway/target_state.h"

static const struct table_column route_columns[] = {
    {"ROUTE", false}, {"TARGETS", true}, {"BASELINE", false}, {"LIMITS", false}};
static const struct table_column target_columns[] = {
    {"TARGET", false}, {"TIER", false},   {"IN $/M", true},
    {"OUT $/M", true}, {"CONTEXT", true}, {"CAN", false},
};

static void put_route(struct table *table, const struct snapshot *snapshot,
                      const struct route *route)
{
    struct buf limits = BUF_INIT(256);
    if (route->max_cost_nd != NO_LIMIT) {
        put_usd(&limits, route->max_cost_nd);
    }
    if (route->max_latency_ms != NO_LIMIT) {
        buf_printf(&limits, "%s%lld ms", limits.len > 0 ? ", " : "",
                   (long long)route->max_latency_ms);
    }
    if (route->local_only) {
        buf_printf(&limits, "%slocal only", limits.len > 0 ? ", " : "");
    }
    table_put(table, route->name);
    table_printf(table, "%zu", route->candidate_count);
    table_put(table, route->baseline == NO_TARGET ? SLICE("(the dearest)")
                                                  : snapshot->policy.targets[route->baseline].name);
    table_put(table, buf_slice(&limits));
    buf_release(&limits);
}

static void put_rate_cell(struct table *table, const struct price *price, int64_t rate)
{
    struct buf text = BUF_INIT(64);
    if (price->known) {
        put_rate(&text, rate);
    } else {
        buf_append_cstr(&text, "unknown");
    }
    table_put(table, buf_slice(&text));
    buf_release(&text);
}

static void put_capabilities(struct table *table, capability_set set)
{
    struct buf text = BUF_INIT(512);
    for (int bit = 0; bit < CAPABILITY_COUNT; bit++) {
        if ((set >> bit & 1u) != 0) {
            buf_printf(&text, "%s%s", text.len > 0 ? " " : "",
                       capability_name((enum capability_bit)bit));
        }
    }
    table_put(table, buf_slice(&text));
    buf_release(&text);
}

static void put_target(struct table *table, const struct target *target)
{
    table_put(table, target->name);
    table_printf(table, "%s%s", tier_name(target->tier), target->off ? " (off)" : "");
    put_rate_cell(table, &target->price, target->price.base.input);
    put_rate_cell(table, &target->price, target->price.base.output);
    if (target->context_tokens > 0) {
        table_count(table, target->context_tokens);
    } else {
        table_cstr(table, "-");
    }
    put_capabilities(table, target->capabilities);
}

static void write_text(const struct snapshot *snapshot, struct buf *out)
{
    struct table table;
    table_init(&table, route_columns, ARRAY_LEN(route_columns));
    for (size_t i = 0; i < snapshot->policy.route_count; i++) {
        put_route(&table, snapshot, &snapshot->policy.routes[i]);
    }
    table_write(&table, 0, out);
    table_release(&table);
    buf_append_char(out, '\n');
    table_init(&table, target_columns, ARRAY_LEN(target_columns));
    for (size_t i = 0; i < snapshot->named_targets; i++) {
        put_target(&table, &snapshot->policy.targets[i]);
    }
    table_write(&table, 0, out);
    table_release(&table);
}

static void write_route_json(struct json_writer *w, const struct snapshot *snapshot,
                             const struct route *route)
{
    const struct target *targets = snapshot->policy.targets;
    json_begin_object(w);
    json_member_string(w, SLICE("name"), route->name);
    json_key(w, SLICE("targets"));
    json_begin_array(w);
    for (size_t i = 0; i < route->candidate_count; i++) {
        json_write_string(w, targets[route->candidates[i]].name);
    }
    json_end_array(w);
    if (route->baseline != NO_TARGET) {
        json_member_string(w, SLICE("baseline"), targets[route->baseline].name);
    }
    if (route->max_latency_ms != NO_LIMIT) {
        json_member_int(w, SLICE("max_latency_ms"), route->max_latency_ms);
    }
    if (route->max_cost_nd != NO_LIMIT) {
        json_member_scaled(w, SLICE("max_cost_usd"), route->max_cost_nd, 9);
    }
    json_member_bool(w, SLICE("local_only"), route->local_only);
    json_end_object(w);
}

/* The targets come from the writer that the HTTP API uses: an object with the one member "targets",
 * which is taken over. */
static void write_json(const struct snapshot *snapshot, struct buf *out)
{
    struct buf targets = BUF_INIT(DATA_BYTES_MAX);
    struct json_doc doc;
    struct json_writer w;
    json_doc_init(&doc);
    json_write_targets(snapshot, clock_monotonic(&clock_system), &targets);
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("schema"), SLICE("sluice.models/1"));
    json_key(&w, SLICE("routes"));
    json_begin_array(&w);
    for (size_t i = 0; i < snapshot->policy.route_count; i++) {
        write_route_json(&w, snapshot, &snapshot->policy.routes[i]);
    }
    json_end_array(&w);
    if (json_parse(&doc, buf_slice(&targets), NULL, NULL)) {
        uint32_t list = json_member(&doc, JSON_ROOT, SLICE("targets"));
        json_member_raw(&w, SLICE("targets"), json_raw(&doc, list));
    } else {
        out->failed = true; /* the list was larger than its ceiling */
    }
    json_end_object(&w);
    buf_append_char(out, '\n');
    json_doc_release(&doc);
    buf_release(&targets);
}

static int models_run(int argc, char **argv)
{
    struct arguments arguments;
    struct loaded loaded;
    struct target_states states;
    struct buf out = BUF_INIT(DATA_BYTES_MAX);
    int code;
    if (!arguments_begin(&models_command, argc, argv, &arguments, &code)) {
        return code;
    }
    const struct load_request request = {.command = "models",
                                         .file = arguments_value(&arguments, "config"),
                                         .probing = true,
                                         .generation = 1};
    code = load_configuration(&request, &loaded);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    target_states_init(&states);
    if (!target_states_attach(&states, loaded.snapshot)) {
        say("sluice models: out of memory");
        code = EXIT_CODE_FAILED;
    } else if (arguments_given(&arguments, "json")) {
        write_json(loaded.snapshot, &out);
    } else {
        write_text(loaded.snapshot, &out);
    }
    code = code == EXIT_CODE_OK ? print_data(&out) : code;
    target_states_release(&states);
    loaded_release(&loaded);
    return code;
}

static const struct argument models_arguments[] = {ARGUMENT_CONFIG, ARGUMENT_JSON};

const struct command models_command = {
    .name = "models",
    .summary = "list the routes and targets of the configuration",
    .example = "sluice models\nsluice models -c sluice.yaml --json\n",
    .details = "Every other model of the catalogue at a configured provider can be asked for as "
               "provider/model\n(sluice prices lists them).",
    .arguments = models_arguments,
    .argument_count = ARRAY_LEN(models_arguments),
    .run = models_run,
};
