/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/discovery.h"

#include "codec/url.h"

#define DISCOVERY_ARENA (8u << 20)
#define OLLAMA_PORT "11434"

static const char *variable(const struct config_environment *environment, const char *name)
{
    const char *value = name == NULL ? NULL : environment->get(environment, name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static struct discovered *discovery_add(struct discovery *discovery,
                                        const struct provider_preset *preset)
{
    CHECK(discovery->count < ARRAY_LEN(discovery->items));
    struct discovered *item = &discovery->items[discovery->count++];
    *item = (struct discovered){.preset = preset};
    return item;
}

/* --- keys in the environment --- */

static void find_key(struct discovery *discovery, const struct provider_preset *preset,
                     const struct config_environment *environment,
                     const struct config_environment *process)
{
    if (variable(environment, preset->key_env) == NULL ||
        (preset->base_url == NULL && variable(environment, preset->base_url_env) == NULL)) {
        return;
    }
    struct discovered *item = discovery_add(discovery, preset);
    bool own = variable(process, preset->key_env) != NULL;
    item->where = arena_printf(&discovery->arena, "%s %s", own ? "env" : ".env", preset->key_env);
    if (variable(environment, preset->base_url_env) != NULL) {
        item->base_url = arena_printf(&discovery->arena, "${%s}", preset->base_url_env);
    }
    for (size_t i = 0; i < ARRAY_LEN(preset->curated); i++) {
        discovery->target_count += preset->curated[i].model != NULL ? 1 : 0;
    }
}

/* --- local servers --- */

struct slice discovery_ollama_url(const char *host, struct arena *arena)
{
    struct slice rest = slice_trim(slice_from_cstr(host));
    bool https = slice_starts(rest, SLICE("https://"));
    if (https || slice_starts(rest, SLICE("http://"))) {
        rest = slice_from(rest, https ? 8 : 7);
    }
    struct slice authority = slice_cut(&rest, '/');
    size_t bracket = slice_find(authority, ']');
    size_t colon = slice_find(slice_from(authority, bracket == SIZE_MAX ? 0 : bracket), ':');
    colon = colon == SIZE_MAX ? authority.len : colon + (bracket == SIZE_MAX ? 0 : bracket);
    struct slice name = slice_of(authority.ptr, colon);
    struct slice port = slice_from(authority, colon + 1);
    if (name.len == 0 || slice_eq(name, SLICE("0.0.0.0"))) {
        name = SLICE("127.0.0.1");
    } else if (slice_eq(name, SLICE("[::]"))) {
        name = SLICE("[::1]");
    }
    if (port.len == 0) {
        port = SLICE(OLLAMA_PORT);
    }
    struct slice text = arena_printf(arena, "http%s://%.*s:%.*s", https ? "s" : "", SLICE_ARG(name),
                                     SLICE_ARG(port));
    struct url url;
    return url_parse(text, &url, NULL) ? text : SLICE_EMPTY;
}

/* Where the preset's server is: its variable, else the usual place. */
static struct slice local_url(const struct provider_preset *preset,
                              const struct config_environment *environment, struct arena *arena)
{
    const char *given = variable(environment, preset->base_url_env);
    if (given == NULL && strcmp(preset->name, "ollama") == 0) {
        const char *host = variable(environment, "OLLAMA_HOST");
        if (host != NULL) {
            return discovery_ollama_url(host, arena);
        }
    }
    return given == NULL ? SLICE_EMPTY : slice_from_cstr(given);
}

/* The path below the base URL: what the preset's own base URL has in front of it is cut off. */
static struct slice probe_suffix(const struct provider_preset *preset)
{
    struct slice path =
        preset->probe_path == NULL ? SLICE("/models") : slice_from_cstr(preset->probe_path);
    struct url url;
    if (url_parse(slice_from_cstr(preset->base_url), &url, NULL) && slice_starts(path, url.path)) {
        return slice_from(path, url.path.len);
    }
    return path;
}

bool discovery_probe(struct probe *probe, const struct provider_preset *preset,
                     struct slice base_url, struct arena *arena)
{
    struct url url;
    *probe = (struct probe){.port = (uint16_t)preset->probe_port,
                            .path = slice_from_cstr(preset->probe_path),
                            .facts = preset->facts};
    if (base_url.len == 0) {
        return true;
    }
    if (!url_parse(base_url, &url, NULL) || url.https || !url_is_loopback(&url)) {
        return false;
    }
    while (url.path.len > 0 && url.path.ptr[url.path.len - 1] == '/') {
        url.path.len--;
    }
    struct slice suffix = probe_suffix(preset);
    probe->port = url.port;
    probe->path = arena_printf(arena, "%.*s%.*s", SLICE_ARG(url.path), SLICE_ARG(suffix));
    if (!slice_eq_nocase(url.host, SLICE("localhost"))) {
        probe->host = arena_printf(arena, "%.*s%c", SLICE_ARG(url.host), '\0').ptr;
    }
    return !arena->exhausted;
}

static void take_probe(struct discovery *discovery, const struct provider_preset *preset,
                       const struct probe *probe)
{
    if (!probe->found) {
        return;
    }
    struct discovered *item = discovery_add(discovery, preset);
    struct slice suffix = probe_suffix(preset);
    item->where = slice_from_cstr(probe->origin);
    item->left_out = probe->listed - probe->model_count;
    if (item->left_out > 0) {
        item->where = arena_printf(&discovery->arena, "%s, %zu of %zu models", probe->origin,
                                   probe->model_count, probe->listed);
    }
    item->base_url = arena_printf(&discovery->arena, "http://%s%.*s", probe->origin,
                                  (int)(probe->path.len - suffix.len), probe->path.ptr);
    item->models = probe->models;
    item->model_count = probe->model_count;
    discovery->target_count += probe->model_count;
}

static void find_servers(struct discovery *discovery, const struct config_environment *environment,
                         const struct clock *clock)
{
    struct probe probes[PROBES_MAX];
    const struct provider_preset *presets[PROBES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < provider_preset_count && count < PROBES_MAX; i++) {
        const struct provider_preset *preset = &provider_presets[i];
        if (preset->probe_port == 0) {
            continue;
        }
        struct slice base_url = local_url(preset, environment, &discovery->arena);
        if (discovery_probe(&probes[count], preset, base_url, &discovery->arena)) {
            presets[count++] = preset;
        }
    }
    probe_run(probes, count, clock, DISCOVERY_PROBE_MS, &discovery->arena);
    for (size_t i = 0; i < count; i++) {
        take_probe(discovery, presets[i], &probes[i]);
    }
}

void discovery_find(struct discovery *discovery, const struct config_environment *environment,
                    const struct config_environment *process, const struct clock *clock)
{
    *discovery = (struct discovery){.count = 0};
    arena_init(&discovery->arena, DISCOVERY_ARENA);
    for (size_t i = 0; i < provider_preset_count; i++) {
        find_key(discovery, &provider_presets[i], environment, process);
    }
    if (clock != NULL) {
        find_servers(discovery, environment, clock);
    }
}

void discovery_release(struct discovery *discovery)
{
    arena_release(&discovery->arena);
    discovery->count = 0;
}
