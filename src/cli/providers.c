/* SPDX-License-Identifier: Apache-2.0 */
/* sluice providers: the vendors and servers that are known, and whether their key is set here. */
#include "cli/arguments.h"
#include "cli/load.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "codec/json_write.h"
#include "dialect/dialect.h"

static const struct table_column columns[] = {
    {"PRESET", false}, {"BASE URL", false}, {"KEY", false}, {"SET", false}, {"SPEAKS", false}};

static bool is_set(const struct config_environment *environment, const char *name)
{
    const char *value = name == NULL ? NULL : environment->get(environment, name);
    return value != NULL && value[0] != '\0';
}

static void put_preset(struct table *table, const struct provider_preset *preset,
                       const struct config_environment *environment)
{
    struct buf speaks = BUF_INIT(256);
    for (unsigned id = 0; id < DIALECT_COUNT; id++) {
        if ((preset->dialects >> id & 1u) != 0) {
            buf_printf(&speaks, "%s%s", speaks.len > 0 ? " " : "",
                       dialect_of((enum dialect_id)id)->name);
        }
    }
    table_cstr(table, preset->name);
    table_cstr(table, preset->base_url != NULL            ? preset->base_url
                      : preset->base_url_template != NULL ? "(by region or project)"
                                                          : "(must be given)");
    table_cstr(table, preset->key_env != NULL ? preset->key_env : "-");
    table_cstr(table, preset->key_env == NULL                ? "-"
                      : is_set(environment, preset->key_env) ? "yes"
                                                             : "no");
    table_put(table, buf_slice(&speaks));
    buf_release(&speaks);
}

static void member_or_null(struct json_writer *w, struct slice key, const char *value)
{
    json_key(w, key);
    if (value == NULL) {
        json_write_null(w);
    } else {
        json_write_string(w, slice_from_cstr(value));
    }
}

static void write_preset(struct json_writer *w, const struct provider_preset *preset,
                         const struct config_environment *environment)
{
    json_begin_object(w);
    member_or_null(w, SLICE("name"), preset->name);
    member_or_null(w, SLICE("title"), preset->title);
    member_or_null(w, SLICE("base_url"), preset->base_url);
    member_or_null(w, SLICE("base_url_env"), preset->base_url_env);
    member_or_null(w, SLICE("key_env"), preset->key_env);
    json_member_bool(w, SLICE("key_set"), is_set(environment, preset->key_env));
    json_member_bool(w, SLICE("local"), (preset->quirks & QUIRK_LOCAL) != 0);
    json_key(w, SLICE("dialects"));
    json_begin_array(w);
    for (unsigned id = 0; id < DIALECT_COUNT; id++) {
        if ((preset->dialects >> id & 1u) != 0) {
            json_write_string(w, slice_from_cstr(dialect_of((enum dialect_id)id)->name));
        }
    }
    json_end_array(w);
    json_key(w, SLICE("curated"));
    json_begin_array(w);
    for (size_t i = 0; i < ARRAY_LEN(preset->curated); i++) {
        if (preset->curated[i].model != NULL) {
            json_begin_object(w);
            member_or_null(w, SLICE("model"), preset->curated[i].model);
            member_or_null(w, SLICE("tier"), tier_name(preset->curated[i].tier));
            json_end_object(w);
        }
    }
    json_end_array(w);
    json_end_object(w);
}

static void write_json(const struct config_environment *environment, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("schema"), SLICE("sluice.providers/1"));
    json_key(&w, SLICE("providers"));
    json_begin_array(&w);
    for (size_t i = 0; i < provider_preset_count; i++) {
        write_preset(&w, &provider_presets[i], environment);
    }
    json_end_array(&w);
    json_end_object(&w);
    buf_append_char(out, '\n');
}

static void write_text(const struct config_environment *environment, struct buf *out)
{
    struct table table;
    table_init(&table, columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < provider_preset_count; i++) {
        put_preset(&table, &provider_presets[i], environment);
    }
    table_write(&table, 0, out);
    table_release(&table);
}

static int providers_run(int argc, char **argv)
{
    struct arguments arguments;
    struct dotenv *dotenv;
    struct buf out = BUF_INIT(DATA_BYTES_MAX);
    int code;
    if (!arguments_begin(&providers_command, argc, argv, &arguments, &code)) {
        return code;
    }
    const struct config_environment *environment = load_environment(&dotenv);
    if (arguments_given(&arguments, "json")) {
        write_json(environment, &out);
    } else {
        write_text(environment, &out);
    }
    dotenv_free(dotenv);
    return print_data(&out);
}

static const struct argument providers_arguments[] = {ARGUMENT_JSON};

const struct command providers_command = {
    .name = "providers",
    .summary = "list the kinds of providers, and whether their keys are set",
    .example = "sluice providers\nsluice providers --json\n",
    .details = "A provider of the configuration names one of them as its preset.",
    .arguments = providers_arguments,
    .argument_count = ARRAY_LEN(providers_arguments),
    .run = providers_run,
};
