/* SPDX-License-Identifier: Apache-2.0 */
#include "config/reader.h"

#include <stdio.h>

#define PROVIDERS_MAX 256
#define HEADERS_BYTES_MAX (32u << 10)

static struct slice *preset_names(struct arena *arena)
{
    struct slice *names = arena_array(arena, provider_preset_count, sizeof(*names));
    for (size_t i = 0; names != NULL && i < provider_preset_count; i++) {
        names[i] = slice_from_cstr(provider_presets[i].name);
    }
    return names;
}

static const struct provider_preset *read_preset(struct reader *reader, const struct yaml *section)
{
    const struct yaml *node = setting_node(section, "providers.*.preset");
    struct slice name = node != NULL ? node->text : section->key;
    const struct provider_preset *preset = provider_preset_find(name);
    if (preset == NULL && node == NULL && setting_given(section, "providers.*.base_url")) {
        preset = provider_preset_find(SLICE("openai-compatible"));
    }
    if (preset == NULL) {
        struct slice *names = preset_names(reader->arena);
        if (node == NULL) {
            struct yaml at = *section;
            at.place = section->key_place;
            report_unknown_name(reader, &at, name, "preset", names, names == NULL ? 0 : provider_preset_count);
        } else {
            report_unknown_name(reader, node, name, "preset", names, names == NULL ? 0 : provider_preset_count);
        }
    }
    return preset;
}

static bool header_is_safe(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }
    return text.len > 0;
}

static bool header_name_is_safe(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!word) {
            return false;
        }
    }
    return name.len > 0;
}

static void append_header(struct reader *reader, const struct yaml *node, struct slice name, struct slice value,
                          struct buf *out)
{
    if (!header_name_is_safe(name) || !header_is_safe(value)) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "bad_value", node->place, "",
                        "this cannot be sent in a header: it has control characters or is empty");
        return;
    }
    buf_printf(out, "%.*s: %.*s\r\n", SLICE_ARG(name), SLICE_ARG(value));
}

/* The environment's credential is used when the file gives none: the variable's name is the preset's. */
static struct slice read_credential(struct reader *reader, const struct yaml *section,
                                    const struct provider_preset *preset)
{
    if (setting_given(section, "providers.*.api_key")) {
        return setting_text(section, "providers.*.api_key");
    }
    if (preset->key_env == NULL || setting_given(section, "providers.*.base_url")) {
        return SLICE_EMPTY; /* a key of the environment belongs to the vendor's own address only */
    }
    const struct config_environment *environment = reader->options->environment;
    return slice_from_cstr(environment->get(environment, preset->key_env));
}

static void resolve_headers(struct reader *reader, const struct yaml *section, struct provider *provider)
{
    const struct provider_preset *preset = provider->preset;
    struct buf out = BUF_INIT(HEADERS_BYTES_MAX);
    struct slice credential = read_credential(reader, section, preset);
    const struct yaml *at = setting_node(section, "providers.*.api_key");
    at = at == NULL ? section : at;
    provider->has_credential = credential.len > 0;
    if (credential.len > 0 && preset->auth == AUTH_API_KEY_HEADER) {
        append_header(reader, at, slice_from_cstr(preset->auth_header), credential, &out);
    } else if (credential.len > 0) {
        char bearer[2048];
        int len = snprintf(bearer, sizeof(bearer), "Bearer %.*s", SLICE_ARG(credential));
        append_header(reader, at, SLICE("Authorization"),
                      slice_of(bearer, len < (int)sizeof(bearer) ? (size_t)len : 0), &out);
        explicit_bzero(bearer, sizeof(bearer));
    } else if (preset->auth != AUTH_NONE && preset->key_env != NULL && !(provider->quirks & QUIRK_LOCAL)) {
        char hint[128];
        snprintf(hint, sizeof(hint), "add api_key: \"${%s}\"", preset->key_env);
        diagnostics_add(reader->diagnostics, SEVERITY_WARNING, "no_credential", section->key_place, hint,
                        "%s wants a key and none is given", preset->title);
    }
    const struct yaml *headers = setting_node(section, "providers.*.headers");
    for (const struct yaml *h = headers == NULL ? NULL : headers->first; h != NULL; h = h->next) {
        append_header(reader, h, h->key, h->text, &out);
    }
    provider->headers = arena_copy(reader->arena, buf_slice(&out));
    if (out.ptr != NULL) {
        explicit_bzero(out.ptr, out.len);
    }
    buf_release(&out);
}

static struct slice strip_slashes(struct slice text)
{
    while (text.len > 0 && text.ptr[text.len - 1] == '/') {
        text.len--;
    }
    return text;
}

static bool resolve_url(struct reader *reader, const struct yaml *section, struct provider *provider)
{
    const struct provider_preset *preset = provider->preset;
    const struct config_environment *environment = reader->options->environment;
    struct slice text = setting_text(section, "providers.*.base_url");
    if (text.len == 0 && preset->base_url_env != NULL) {
        text = slice_from_cstr(environment->get(environment, preset->base_url_env));
    }
    if (text.len == 0) {
        text = slice_from_cstr(preset->base_url);
    }
    const struct yaml *node = setting_node(section, "providers.*.base_url");
    struct yaml_place place = node != NULL ? node->place : section->key_place;
    struct error error;
    if (text.len == 0) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "incomplete", place, "give base_url: http://host:port/v1",
                        "the preset %s has no base URL of its own", preset->name);
        return false;
    }
    provider->base_url = arena_copy(reader->arena, strip_slashes(text));
    if (!url_parse(provider->base_url, &provider->url, &error)) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "bad_value", place, "write http://host:port/path", "%s",
                        error.text);
        return false;
    }
    return true;
}

static const char *environment_either(const struct config_environment *environment, const char *lower, const char *upper)
{
    const char *value = environment->get(environment, lower);
    return value != NULL && value[0] != '\0' ? value : environment->get(environment, upper);
}

/* NO_PROXY: names, suffixes with or without a leading dot, "*"; loopback is never proxied. */
static bool proxy_is_excepted(const struct url *url, struct slice list)
{
    if (url_is_loopback(url)) {
        return true;
    }
    while (list.len > 0) {
        struct slice item = slice_trim(slice_cut(&list, ','));
        if (slice_eq(item, SLICE("*"))) {
            return true;
        }
        item = item.len > 0 && item.ptr[0] == '.' ? slice_from(item, 1) : item;
        if (item.len == 0 || item.len > url->host.len) {
            continue;
        }
        struct slice tail = slice_from(url->host, url->host.len - item.len);
        bool whole = tail.len == url->host.len || url->host.ptr[url->host.len - tail.len - 1] == '.';
        if (whole && slice_eq_nocase(tail, item)) {
            return true;
        }
    }
    return false;
}

static void resolve_proxy(struct reader *reader, struct provider *provider)
{
    const struct config_environment *environment = reader->options->environment;
    const char *proxy = provider->url.https ? environment_either(environment, "https_proxy", "HTTPS_PROXY")
                                            : environment->get(environment, "http_proxy");
    const char *except = environment_either(environment, "no_proxy", "NO_PROXY");
    if (proxy == NULL || proxy[0] == '\0' || proxy_is_excepted(&provider->url, slice_from_cstr(except))) {
        return;
    }
    provider->proxy = arena_copy(reader->arena, slice_from_cstr(proxy));
}

static void resolve_provider(struct reader *reader, const struct yaml *section, struct provider *provider)
{
    provider->name = section->key;
    provider->preset = read_preset(reader, section);
    if (provider->preset == NULL) {
        provider->preset = provider_preset_find(SLICE("openai-compatible"));
        return;
    }
    provider->dialects = provider->preset->dialects;
    provider->default_dialect = provider->preset->default_dialect;
    provider->quirks = provider->preset->quirks;
    if (setting_given(section, "providers.*.local")) {
        bool local = setting_number(section, "providers.*.local") != 0;
        provider->quirks = local ? provider->quirks | QUIRK_LOCAL : provider->quirks & ~(unsigned)QUIRK_LOCAL;
    }
    provider->ca_file = setting_text(section, "providers.*.ca_file");
    provider->insecure = setting_number(section, "providers.*.insecure_skip_verify") != 0;
    provider->timeouts = (struct provider_timeouts){
        .connect = setting_number(section, "providers.*.connect_timeout"),
        .first_byte = setting_number(section, "providers.*.first_byte_timeout"),
        .idle = setting_number(section, "providers.*.idle_timeout"),
        .total = setting_number(section, "providers.*.total_timeout"),
    };
    if (resolve_url(reader, section, provider)) {
        resolve_proxy(reader, provider);
        resolve_headers(reader, section, provider);
    }
    if (provider->insecure) {
        diagnostics_add(reader->diagnostics, SEVERITY_WARNING, "insecure",
                        setting_node(section, "providers.*.insecure_skip_verify")->key_place, "use ca_file instead",
                        "the certificate of %.*s is not verified", SLICE_ARG(provider->name));
    }
}

void resolve_providers(struct reader *reader)
{
    const struct yaml *section = yaml_member(reader->root, SLICE("providers"));
    struct snapshot *snapshot = reader->snapshot;
    size_t count = 0;
    for (const struct yaml *p = section == NULL ? NULL : section->first; p != NULL; p = p->next) {
        count++;
    }
    if (count == 0 || count > PROVIDERS_MAX) {
        struct yaml_place place = section == NULL ? (struct yaml_place){0, 0, 0} : section->key_place;
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "incomplete", place,
                        "for example  providers: { openai: { preset: openai, api_key: \"${OPENAI_API_KEY}\" } }",
                        count == 0 ? "no provider is configured" : "there are too many providers");
        return;
    }
    snapshot->providers = arena_array(reader->arena, count, sizeof(*snapshot->providers));
    for (const struct yaml *p = section->first; p != NULL && snapshot->providers != NULL; p = p->next) {
        resolve_provider(reader, p, &snapshot->providers[snapshot->provider_count++]);
    }
}
