/* SPDX-License-Identifier: Apache-2.0 */
/* sluice prices: the catalogue. */
#include "cli/arguments.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "cli/terminal.h"

#include "base/clock.h"
#include "gateway/rows_json.h"

static const struct table_column columns[] = {
    {"PROVIDER", false},  {"MODEL", false},  {"IN $/M", true},    {"OUT $/M", true},
    {"CACHED $/M", true}, {"CONTEXT", true}, {"ALSO $/M", false},
};

static void put_rate_cell(struct table *table, bool known, int64_t rate)
{
    struct buf text = BUF_INIT(64);
    if (known) {
        put_rate(&text, rate);
    } else {
        buf_append_char(&text, '-');
    }
    table_put(table, buf_slice(&text));
    buf_release(&text);
}

/* What few models have, in words; nothing for rates that are those of text. */
static void put_others(struct buf *out, const struct price_rates *rates)
{
    const struct {
        const char *name;
        int64_t rate;
    } rows[] = {
        {"cache write", rates->cache_write}, {"for 1h", rates->cache_write_1h},
        {"audio in", rates->audio_input},    {"audio out", rates->audio_output},
        {"image in", rates->image_input},    {"image out", rates->image_output},
        {"reasoning", rates->reasoning},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].rate >= 0) {
            buf_printf(out, "%s%s ", out->len == 0 ? "" : ", ", rows[i].name);
            put_rate(out, rows[i].rate);
        }
    }
}

static void put_tiers(struct buf *out, const struct price *price)
{
    for (size_t i = 0; i < price->tier_count; i++) {
        const struct price_tier *tier = &price->tiers[i];
        buf_printf(out, "%sin > %lld: ", out->len == 0 ? "" : ", ", (long long)tier->above_input);
        put_rate(out, tier->rates.input);
        buf_append_char(out, '/');
        put_rate(out, tier->rates.output);
    }
}

static void put_also(struct table *table, const struct price *price)
{
    struct buf text = BUF_INIT(1024);
    if (price->known) {
        put_others(&text, &price->base);
        put_tiers(&text, price);
    }
    if (price->known && price->per_request_nd > 0) {
        buf_printf(&text, "%srequest $", text.len == 0 ? "" : ", ");
        money_format(&text, price->per_request_nd);
    }
    table_put(table, buf_slice(&text));
    buf_release(&text);
}

static void put_model(struct table *table, const struct catalogue_model *model)
{
    const struct price *price = &model->price;
    table_put(table, model->provider);
    table_put(table, model->id);
    put_rate_cell(table, price->known, price->base.input);
    put_rate_cell(table, price->known, price->base.output);
    put_rate_cell(table, price->known && price->base.cache_read >= 0, price->base.cache_read);
    if (model->context_tokens > 0) {
        table_count(table, model->context_tokens);
    } else {
        table_cstr(table, "-");
    }
    put_also(table, price);
}

static bool contains_nocase(struct slice text, struct slice part)
{
    for (size_t i = 0; i + part.len <= text.len; i++) {
        if (slice_eq_nocase(slice_of(text.ptr + i, part.len), part)) {
            return true;
        }
    }
    return false;
}

/* Returns the number of rows. */
static size_t write_text(struct slice filter, int64_t wall_s, struct buf *out)
{
    size_t rows = 0;
    struct table table;
    table_init(&table, columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < catalogue_info()->models; i++) {
        struct catalogue_model model;
        catalogue_at(i, wall_s, &model);
        if (filter.len == 0 || contains_nocase(model.id, filter) ||
            contains_nocase(model.provider, filter)) {
            put_model(&table, &model);
            rows++;
        }
    }
    table_write(&table, 0, out);
    table_release(&table);
    return rows;
}

static int prices_run(int argc, char **argv)
{
    struct arguments arguments;
    struct buf out = BUF_INIT(DATA_BYTES_MAX);
    int code;
    if (!arguments_begin(&prices_command, argc, argv, &arguments, &code)) {
        return code;
    }
    struct slice filter = slice_from_cstr(arguments.word_count > 0 ? arguments.words[0] : NULL);
    int64_t wall_s = clock_wall(&clock_system) / NS_PER_S;
    if (arguments_given(&arguments, "json")) {
        json_write_prices(filter, wall_s, &out);
        buf_append_char(&out, '\n');
    } else {
        if (write_text(filter, wall_s, &out) == 0) {
            say("No provider or model of the catalogue has \"%.*s\" in its name.",
                SLICE_ARG(filter));
            buf_release(&out);
            return EXIT_CODE_OK;
        }
        say("Dollars per million tokens, from %s of %s. A configuration's own prices win.",
            catalogue_info()->source, catalogue_info()->date);
    }
    return print_data(&out);
}

static const struct argument prices_arguments[] = {ARGUMENT_JSON};

const struct command prices_command = {
    .name = "prices",
    .summary = "list the catalogue's prices",
    .example = "sluice prices deepseek\nsluice prices gpt-5 --json\n",
    .details = "FILTER is a part of the provider's or the model's name.",
    .arguments = prices_arguments,
    .argument_count = ARRAY_LEN(prices_arguments),
    .words = "[FILTER]",
    .words_max = 1,
    .run = prices_run,
};
