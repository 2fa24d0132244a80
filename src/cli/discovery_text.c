/* SPDX-License-Identifier: Apache-2.0 */
/* What was discovered, as the YAML that a person would have written. */
#include "cli/discovery.h"

#include "codec/json_write.h"

/* A double-quoted scalar. A dollar sign is doubled, since the loader expands ${...} in values. */
static void put_quoted(struct buf *out, struct slice text)
{
    buf_append_char(out, '"');
    while (text.len > 0) {
        size_t dollar = slice_find(text, '$');
        size_t len = dollar == SIZE_MAX ? text.len : dollar;
        json_escape(slice_of(text.ptr, len), out);
        if (dollar != SIZE_MAX) {
            buf_append_cstr(out, "$$");
            len++;
        }
        text = slice_from(text, len);
    }
    buf_append_char(out, '"');
}

static void put_provider(const struct discovered *item, struct buf *out)
{
    buf_printf(out, "  %s: { preset: %s", item->preset->name, item->preset->name);
    if (item->models == NULL) {
        buf_printf(out, ", api_key: \"${%s}\"", item->preset->key_env);
    }
    if (item->base_url.len > 0 && item->models == NULL) {
        buf_printf(out, ", base_url: \"%.*s\"", SLICE_ARG(item->base_url)); /* a reference */
    } else if (item->base_url.len > 0) {
        buf_append_cstr(out, ", base_url: ");
        put_quoted(out, item->base_url);
    }
    buf_printf(out, " } # %.*s\n", SLICE_ARG(item->where));
}

static void put_capabilities(capability_set set, struct buf *out)
{
    const char *separator = "";
    buf_append_cstr(out, ", capabilities: [");
    for (int bit = 0; bit < CAPABILITY_COUNT; bit++) {
        if ((set >> bit & 1u) != 0) {
            buf_printf(out, "%s%s", separator, capability_name((enum capability_bit)bit));
            separator = ", ";
        }
    }
    buf_append_char(out, ']');
}

static void put_target_begin(const struct discovered *item, struct slice model, struct buf *out)
{
    buf_printf(out, "  \"%s/%.*s\": { provider: %s, model: ", item->preset->name, SLICE_ARG(model),
               item->preset->name);
    put_quoted(out, model);
}

static void put_curated(const struct discovered *item, const struct curated_target *curated,
                        struct buf *out)
{
    put_target_begin(item, slice_from_cstr(curated->model), out);
    buf_printf(out, ", tier: %s, latency_ms: %lld", tier_name(curated->tier),
               (long long)curated->latency_ms);
    if (curated->context_tokens > 0) {
        buf_printf(out, ", context_tokens: %lld", (long long)curated->context_tokens);
    }
    if (curated->capabilities != 0) {
        put_capabilities(curated->capabilities, out);
    }
    buf_append_cstr(out, " }\n");
}

static void put_known(const struct discovered *item, const struct known_model *model,
                      struct buf *out)
{
    put_target_begin(item, model->model, out);
    if (model->context_tokens > 0) {
        buf_printf(out, ", context_tokens: %lld", (long long)model->context_tokens);
    }
    if (model->capabilities != 0) {
        put_capabilities(model->capabilities, out);
    }
    buf_append_cstr(out, " }\n");
}

static void put_targets(const struct discovered *item, struct buf *out)
{
    for (size_t i = 0; i < item->model_count; i++) {
        put_known(item, &item->models[i], out);
    }
    for (size_t i = 0; item->models == NULL && i < ARRAY_LEN(item->preset->curated); i++) {
        if (item->preset->curated[i].model != NULL) {
            put_curated(item, &item->preset->curated[i], out);
        }
    }
}

void discovery_write(const struct discovery *discovery, const char *ledger_path, struct buf *out)
{
    buf_append_cstr(out, "# Found by discovery. Saved as sluice.yaml, it can be changed.\n"
                         "providers:\n");
    for (size_t i = 0; i < discovery->count; i++) {
        put_provider(&discovery->items[i], out);
    }
    buf_append_cstr(out, "targets: # all of them are candidates of the route auto\n");
    for (size_t i = 0; i < discovery->count; i++) {
        put_targets(&discovery->items[i], out);
    }
    if (ledger_path == NULL) {
        buf_append_cstr(out, "ledger: { enabled: false }\n");
        return;
    }
    buf_append_cstr(out, "ledger: { path: ");
    put_quoted(out, slice_from_cstr(ledger_path));
    buf_append_cstr(out, " }\n");
}
