/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/banner.h"

#include "cli/listen.h"
#include "cli/table.h"

#define WIDTH 80
#define LABEL_WIDTH 13 /* "  Providers  " */

/* "  Label      text", cut at the right edge. */
static void put_line(struct buf *out, const char *label, struct slice text)
{
    size_t room = WIDTH - LABEL_WIDTH;
    buf_printf(out, "  %-11s", label);
    size_t start = out->len;
    put_harmless(out, text);
    size_t width = 0;
    for (size_t i = start; i < out->len; i++) {
        bool begins = ((unsigned char)out->ptr[i] & 0xc0) != 0x80;
        if (begins && width == room) {
            out->len = i;
            out->ptr[i - 1] = '~';
            break;
        }
        width += begins ? 1 : 0;
    }
    buf_append_char(out, '\n');
}

static size_t count_targets(const struct snapshot *snapshot, size_t provider)
{
    size_t count = 0;
    for (size_t i = 0; i < snapshot->named_targets; i++) {
        count += snapshot->policy.targets[i].provider == provider ? 1 : 0;
    }
    return count;
}

/* Discovery's place, else the address from the file. */
static struct slice where_is(const struct banner *banner, const struct provider *provider)
{
    for (size_t i = 0; banner->discovery != NULL && i < banner->discovery->count; i++) {
        const struct discovered *item = &banner->discovery->items[i];
        if (slice_eq(slice_from_cstr(item->preset->name), provider->name)) {
            return item->where;
        }
    }
    return provider->base_url;
}

static void put_providers(const struct banner *banner, struct buf *out)
{
    const struct snapshot *snapshot = banner->snapshot;
    struct buf text = BUF_INIT(4096);
    size_t shown = snapshot->provider_count <= BANNER_PROVIDERS_MAX ? snapshot->provider_count
                                                                    : BANNER_PROVIDERS_MAX - 1;
    for (size_t i = 0; i < shown; i++) {
        size_t count = count_targets(snapshot, i);
        buf_clear(&text);
        buf_printf(&text, "%.*s (%.*s, %zu target%s)", SLICE_ARG(snapshot->providers[i].name),
                   SLICE_ARG(where_is(banner, &snapshot->providers[i])), count,
                   count == 1 ? "" : "s");
        put_line(out, i == 0 ? "Providers" : "", buf_slice(&text));
    }
    if (shown < snapshot->provider_count) {
        buf_clear(&text);
        buf_printf(&text, "and %zu more (sluice models)", snapshot->provider_count - shown);
        put_line(out, "", buf_slice(&text));
    }
    buf_release(&text);
}

/* Appends a path, with the home as ~. */
static void put_path(const struct banner *banner, struct slice path, struct buf *out)
{
    struct slice home = slice_from_cstr(banner->home);
    bool below = home.len > 1 && path.len > home.len && slice_starts(path, home) &&
                 path.ptr[home.len] == '/';
    buf_append_cstr(out, below ? "~" : "");
    buf_append(out, slice_from(path, below ? home.len : 0));
}

static void put_ledger(const struct banner *banner, struct buf *out)
{
    struct slice path = banner->snapshot->ledger_path;
    struct buf text = BUF_INIT(4096);
    if (path.len == 0) {
        buf_printf(&text, "off%s%s: calls and costs are not recorded",
                   banner->no_ledger[0] == '\0' ? "" : ": ", banner->no_ledger);
    } else {
        put_path(banner, path, &text);
        buf_append_cstr(&text, banner->ledger_is_new ? " (new)" : "");
    }
    put_line(out, "Ledger", buf_slice(&text));
    buf_release(&text);
}

static void put_curl(const struct banner *banner, struct slice url, struct buf *out)
{
    const struct policy *policy = &banner->snapshot->policy;
    struct slice model = policy->route_count > 0 ? policy->routes[0].name : SLICE("auto");
    if (policy_find_route(policy, SLICE("auto")) != NULL) {
        model = SLICE("auto");
    }
    buf_append_cstr(out, "Try it:\n");
    buf_printf(out, "  curl %.*s/v1/chat/completions \\\n", SLICE_ARG(url));
    if (banner->snapshot->keys_required) {
        buf_append_cstr(out, "    -H \"Authorization: Bearer $SLUICE_KEY\" \\\n");
    }
    buf_append_cstr(out, "    -H 'Content-Type: application/json' \\\n");
    buf_printf(out,
               "    -d '{\"model\":\"%.*s\",\"messages\":[{\"role\":\"user\",\"content\":\"Say "
               "hi\"}]}'\n",
               SLICE_ARG(model));
}

void banner_write(const struct banner *banner, struct buf *out)
{
    const struct snapshot *snapshot = banner->snapshot;
    struct buf url = BUF_INIT(1024);
    struct buf text = BUF_INIT(4096);
    listen_put_url(&snapshot->server, banner->port, &url);
    buf_printf(out, "sluice " SLUICE_VERSION "  ready in %lld ms%s\n", (long long)banner->ready_ms,
               snapshot->simulated ? "  SIMULATED: no real model answers" : "");
    buf_printf(&text, "%.*s/v1", SLICE_ARG(buf_slice(&url)));
    put_line(out, "API", buf_slice(&text));
    if (banner->file != NULL) {
        buf_clear(&text);
        put_path(banner, slice_from_cstr(banner->file), &text);
        put_line(out, "Config", buf_slice(&text));
    }
    put_providers(banner, out);
    put_ledger(banner, out);
    put_line(out, "Keys",
             snapshot->keys_required
                 ? SLICE("required: export SLUICE_KEY=$(sluice key create --name NAME)")
                 : SLICE("not required: only this machine can connect"));
    put_curl(banner, buf_slice(&url), out);
    buf_release(&text);
    buf_release(&url);
}
