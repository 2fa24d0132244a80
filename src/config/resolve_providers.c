/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Providers: address, credential and headers, timeouts, proxy. The hard idea: a credential belongs
 * to an origin. One from the file goes where the file says; one from the environment only to the
 * vendor's own address, or to the one that the environment itself gives.
 */
#include "config/reader.h"

#include "codec/url_proxy.h"

#include <stdio.h>

#define PROVIDERS_MAX 256
#define HEADERS_BYTES_MAX (32u << 10)

/* --- preset and address --- */

static struct slice preset_at(const void *owner, size_t i)
{
    (void)owner;
    return slice_from_cstr(provider_presets[i].name);
}

/* Members that were reported as unknown may have been meant as those that are missing. */
static bool has_unknown_member(const struct yaml *section)
{
    for (const struct yaml *m = member_first(section); m != NULL; m = member_next(m)) {
        if (m->option == NULL) {
            return true;
        }
    }
    return false;
}

/* The provider's own name is no preset, and none is given. */
static void report_no_preset(struct reader *reader, const struct yaml *section)
{
    char hint[128] = "give preset: NAME (sluice providers lists them), or base_url for any server "
                     "that speaks OpenAI's API";
    unsigned limit = edit_limit(section->key);
    for (size_t i = 0; i < provider_preset_count; i++) {
        const char *name = provider_presets[i].name;
        if (edit_distance(section->key, slice_from_cstr(name), limit) <= limit) {
            snprintf(hint, sizeof(hint), "did you mean \"%s\"?", name);
        }
    }
    if (!has_unknown_member(section)) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "incomplete", section->key_place, hint,
                        "the provider \"%.*s\" needs a preset",
                        (int)(section->key.len < 100 ? section->key.len : 100), section->key.ptr);
    }
}

static const struct provider_preset *read_preset(struct reader *reader, const struct yaml *section)
{
    const struct yaml *node = setting_node(section, "providers.*.preset");
    if (node == NULL && setting_attempted(section, "providers.*.preset")) {
        return NULL;
    }
    struct slice name = node != NULL ? node->text : section->key;
    const struct provider_preset *preset = provider_preset_find(name);
    if (preset == NULL && node == NULL && setting_attempted(section, "providers.*.base_url")) {
        preset = provider_preset_find(SLICE("openai-compatible"));
    }
    if (preset == NULL && node == NULL) {
        report_no_preset(reader, section);
    } else if (preset == NULL) {
        report_unknown_name(reader, node->place, node->written, "preset", preset_at, NULL,
                            provider_preset_count);
    }
    return preset;
}

static struct slice environment_text(const struct reader *reader, const char *name)
{
    const struct config_environment *environment = reader->options->environment;
    return slice_trim(slice_from_cstr(name == NULL ? NULL : environment->get(environment, name)));
}

static struct slice strip_slashes(struct slice text)
{
    while (text.len > 0 && text.ptr[text.len - 1] == '/') {
        text.len--;
    }
    return text;
}

/* An environment that leads clients to us by OPENAI_BASE_URL and the like would lead us to
   ourselves: each call would become another one, until nothing is left. */
static bool is_the_gateway(const struct reader *reader, const struct url *url)
{
    const struct server_settings *server = &reader->snapshot->server;
    for (size_t i = 0; i < server->listen_count && url_is_loopback(url); i++) {
        struct slice listen = server->listen[i];
        uint64_t port = 0;
        size_t digits = 0;
        while (digits < listen.len && listen.ptr[listen.len - digits - 1] != ':') {
            digits++;
        }
        if (slice_to_u64(slice_from(listen, listen.len - digits), &port) && port == url->port) {
            return true;
        }
    }
    return false;
}

/* Mistakes that parse well and then answer 404 to everything. */
static void check_base_url(struct reader *reader, const struct provider *provider,
                           struct yaml_place place)
{
    static const char *const endpoints[] = {"/chat/completions", "/completions", "/embeddings",
                                            "/models",           "/api/chat",    "/api/generate",
                                            "/messages",         "/responses"};
    if (provider->url.query.len > 0) {
        report_error(reader, place, "bad_value", "paths are put behind it",
                     "a base URL has no query");
    }
    for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
        struct slice endpoint = slice_from_cstr(endpoints[i]);
        if (slice_ends(provider->url.path, endpoint)) {
            char hint[80];
            snprintf(hint, sizeof(hint), "leave %s off: it is put behind the base URL",
                     endpoints[i]);
            diagnostics_add(reader->diagnostics, SEVERITY_WARNING, "base_url", place, hint,
                            "this looks like an endpoint, not like a base URL");
            return;
        }
    }
}

static bool resolve_url(struct reader *reader, const struct yaml *section,
                        struct provider *provider)
{
    const struct provider_preset *preset = provider->preset;
    const struct yaml *node = setting_node(section, "providers.*.base_url");
    const char *from = NULL;
    struct error error;
    if (node == NULL && setting_attempted(section, "providers.*.base_url")) {
        return false;
    }
    struct slice text = node != NULL ? slice_trim(node->text) : SLICE_EMPTY;
    if (text.len == 0) {
        text = environment_text(reader, preset->base_url_env);
        from = text.len > 0 ? preset->base_url_env : NULL;
    }
    if (text.len == 0) {
        text = preset->base_url_template != NULL ? resolve_cloud_url(reader, section, provider)
                                                 : slice_from_cstr(preset->base_url);
    }
    struct yaml_place place = node != NULL ? node->place : section->key_place;
    if (text.len == 0 && preset->base_url_template != NULL) {
        return false; /* what is missing was told */
    }
    if (text.len == 0) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "incomplete", place,
                        "give base_url: http://host:port/v1",
                        "the preset %s has no base URL of its own", preset->name);
        return false;
    }
    provider->base_url = arena_copy(reader->arena, strip_slashes(text));
    if (!url_parse(provider->base_url, &provider->url, &error)) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "bad_value", place,
                        "write http://host:port/path", "%s%s%s", error.text,
                        from != NULL ? "; it comes from the environment variable " : "",
                        from != NULL ? from : "");
        return false;
    }
    if (is_the_gateway(reader, &provider->url)) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "own_address", place,
                        "give base_url the provider's address",
                        "this is where the gateway itself listens%s%s",
                        from != NULL ? "; it comes from the environment variable " : "",
                        from != NULL ? from : "");
        return false;
    }
    check_base_url(reader, provider, place);
    return true;
}

/* --- proxy --- */

static struct slice environment_either(const struct reader *reader, const char *lower,
                                       const char *upper)
{
    struct slice value = environment_text(reader, lower);
    return value.len > 0 ? value : environment_text(reader, upper);
}

/* HTTP_PROXY in capitals is not read: where a web server starts programs it is a request's Proxy
 * header (httpoxy, CVE-2016-5385). */
struct slice resolve_proxy(struct reader *reader, struct yaml_place place, const struct url *url)
{
    struct slice proxy = url_proxy_for(
        url, environment_either(reader, "https_proxy", "HTTPS_PROXY"),
        environment_text(reader, "http_proxy"), environment_either(reader, "no_proxy", "NO_PROXY"));
    if (proxy.len > 0 && !url_proxy_is_valid(proxy)) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "bad_proxy", place,
                        "it must be http://host:port; NO_PROXY names hosts that need none",
                        "the environment's %s cannot be used as a proxy",
                        url->https ? "HTTPS_PROXY" : "http_proxy");
        return SLICE_EMPTY;
    }
    return arena_copy(reader->arena, proxy);
}

/* --- headers --- */

static bool header_name_is_safe(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_';
        if (!word) {
            return false;
        }
    }
    return name.len > 0 && name.len <= 128;
}

/* Those that frame the request, and those that the gateway sets itself. */
static bool header_is_ours(struct slice name)
{
    static const struct slice ours[] = {
        SLICE_INIT("Host"),         SLICE_INIT("Content-Length"),
        SLICE_INIT("Content-Type"), SLICE_INIT("Content-Encoding"),
        SLICE_INIT("Connection"),   SLICE_INIT("Transfer-Encoding"),
        SLICE_INIT("Keep-Alive"),   SLICE_INIT("Accept-Encoding"),
        SLICE_INIT("Expect"),       SLICE_INIT("Proxy-Authorization"),
        SLICE_INIT("TE"),           SLICE_INIT("Proxy-Connection"),
        SLICE_INIT("Trailer"),      SLICE_INIT("Upgrade"),
        SLICE_INIT("User-Agent"),
    };
    for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
        if (slice_eq_nocase(name, ours[i])) {
            return true;
        }
    }
    return false;
}

/* Visible ASCII and blanks between: what every server reads the same way. */
static bool header_value_is_safe(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c > 0x7e) {
            return false;
        }
    }
    return text.len > 0;
}

static void append_header(struct reader *reader, const struct yaml *at, struct slice name,
                          const char *scheme, struct slice value, struct buf *out)
{
    value = slice_trim(value);
    if (!header_value_is_safe(value)) {
        report_error(reader, at->place, "bad_value",
                     "a line end or a typographic quote may have come with it",
                     "this cannot be sent in a header: only visible ASCII characters can");
        return;
    }
    buf_append(out, name);
    buf_append_cstr(out, ": ");
    buf_append_cstr(out, scheme);
    buf_append(out, value);
    buf_append_cstr(out, "\r\n");
}

/* Is there an earlier header of the section with this name? */
static bool header_is_repeated(const struct yaml *headers, const struct yaml *header)
{
    for (const struct yaml *h = member_first(headers); h != header; h = member_next(h)) {
        if (slice_eq_nocase(h->key, header->key)) {
            return true;
        }
    }
    return false;
}

static void append_headers(struct reader *reader, const struct yaml *headers,
                           struct slice credential_name, struct buf *out)
{
    for (const struct yaml *h = member_first(headers); h != NULL; h = member_next(h)) {
        if (!header_name_is_safe(h->key)) {
            report_error(reader, h->key_place, "bad_name", "letters, digits, - and _",
                         "this cannot be the name of a header");
        } else if (header_is_ours(h->key)) {
            report_error(reader, h->key_place, "bad_name", "remove it",
                         "this header is set by the gateway itself");
        } else if (slice_eq_nocase(h->key, credential_name)) {
            report_error(reader, h->key_place, "contradiction", "keep one of them",
                         "api_key sets this header already");
        } else if (header_is_repeated(headers, h)) {
            report_error(reader, h->key_place, "duplicate_key", "case does not matter in headers",
                         "this header stands twice in this section");
        } else {
            append_header(reader, h, h->key, "", h->text, out);
        }
    }
}

/* --- credential --- */

static bool is_own_address(const struct provider *provider)
{
    struct url own;
    return provider->preset->base_url != NULL &&
           url_parse(slice_from_cstr(provider->preset->base_url), &own, NULL) &&
           url_same_origin(&own, &provider->url);
}

/* The environment's credential is used when the file gives none: the variable's name is the
 * preset's. It belongs to the vendor's own address, or to the one that the environment gives. */
static struct slice read_credential(const struct reader *reader, const struct yaml *section,
                                    const struct provider *provider)
{
    if (setting_attempted(section, "providers.*.api_key")) {
        return setting_text(section, "providers.*.api_key");
    }
    if (setting_given(section, "providers.*.base_url") && !is_own_address(provider)) {
        return SLICE_EMPTY;
    }
    return environment_text(reader, provider->preset->key_env);
}

static void warn_about_credential(struct reader *reader, const struct yaml *section,
                                  const struct provider *provider)
{
    const struct provider_preset *preset = provider->preset;
    char hint[128];
    if (provider->has_credential && !provider->url.https && !url_is_loopback(&provider->url)) {
        diagnostics_add(reader->diagnostics, SEVERITY_WARNING, "plain_http", section->key_place,
                        "use https:// if this network is not your own",
                        "the key of %.*s travels unencrypted", SLICE_ARG(provider->name));
    }
    if (provider->has_credential || preset->key_env == NULL ||
        (provider->quirks & QUIRK_LOCAL) != 0 || url_is_loopback(&provider->url) ||
        has_unknown_member(section) || setting_attempted(section, "providers.*.api_key")) {
        return;
    }
    snprintf(hint, sizeof(hint), "add api_key: \"${%s}\"", preset->key_env);
    diagnostics_add(reader->diagnostics, SEVERITY_WARNING, "no_credential", section->key_place,
                    hint, "%s wants a key and none is given", preset->title);
}

static void resolve_headers(struct reader *reader, const struct yaml *section,
                            struct provider *provider)
{
    const struct provider_preset *preset = provider->preset;
    const struct yaml *headers = setting_node(section, "providers.*.headers");
    const struct yaml *at = setting_node(section, "providers.*.api_key");
    struct slice credential = slice_trim(read_credential(reader, section, provider));
    bool own_header = preset->auth == AUTH_API_KEY_HEADER;
    struct slice name = own_header ? slice_from_cstr(preset->auth_header) : SLICE("Authorization");
    struct buf out = BUF_INIT(HEADERS_BYTES_MAX);
    (void)buf_reserve(&out, HEADERS_BYTES_MAX); /* at once, so that growing leaves no copies */
    if (credential.len > 0) {
        append_header(reader, at == NULL ? section : at, name, own_header ? "" : "Bearer ",
                      credential, &out);
    }
    append_headers(reader, headers, credential.len > 0 ? name : SLICE_EMPTY, &out);
    if (credential.len > 0 && !own_header) {
        provider->auth = AUTH_BEARER; /* instead of signatures and tokens */
    }
    provider->has_credential = credential.len > 0 || provider->aws.secret_access_key.len > 0 ||
                               provider->account.email.len > 0;
    for (const struct yaml *h = member_first(headers); h != NULL; h = member_next(h)) {
        provider->has_credential = provider->has_credential || slice_eq_nocase(h->key, name);
    }
    warn_about_credential(reader, section, provider);
    if (out.failed) {
        report_error(reader, place_of_key(headers == NULL ? section : headers), "too_large",
                     "32 KB are allowed", "the headers are too long");
    }
    provider->headers = arena_copy(reader->arena, buf_slice(&out));
    if (out.ptr != NULL) {
        explicit_bzero(out.ptr, out.cap);
    }
    buf_release(&out);
}

/* --- one provider, and all --- */

static void resolve_connection(struct reader *reader, const struct yaml *section,
                               struct provider *provider)
{
    provider->ca_file = setting_certificates(reader, section, "providers.*.ca_file");
    provider->insecure = setting_number(section, "providers.*.insecure_skip_verify") != 0;
    provider->timeouts = (struct provider_timeouts){
        .connect = setting_number(section, "providers.*.connect_timeout"),
        .first_byte = setting_number(section, "providers.*.first_byte_timeout"),
        .idle = setting_number(section, "providers.*.idle_timeout"),
        .total = setting_number(section, "providers.*.total_timeout"),
    };
    if (provider->insecure) {
        const struct yaml *at = setting_node(section, "providers.*.insecure_skip_verify");
        diagnostics_add(reader->diagnostics, SEVERITY_WARNING, "insecure", at->key_place,
                        "use ca_file instead", "the certificate of %.*s is not verified",
                        SLICE_ARG(provider->name));
    }
}

/* A dialect that is named is the only one for chats; what else the preset knows stays. */
static void resolve_dialects(const struct yaml *section, struct provider *provider)
{
    static const enum provider_dialect chats[] = {
        PROVIDER_DIALECT_OPENAI_CHAT, PROVIDER_DIALECT_OPENAI_RESPONSES, PROVIDER_DIALECT_OLLAMA,
        PROVIDER_DIALECT_ANTHROPIC, PROVIDER_DIALECT_GEMINI};
    provider->dialects = provider->preset->dialects;
    provider->default_dialect = provider->preset->default_dialect;
    if (!setting_given(section, "providers.*.dialect")) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(chats); i++) {
        provider->dialects &= ~(1u << chats[i]);
    }
    provider->default_dialect = chats[setting_number(section, "providers.*.dialect")];
    provider->dialects |= 1u << provider->default_dialect;
}

static void resolve_provider(struct reader *reader, const struct yaml *section,
                             struct provider *provider)
{
    provider->name = section->key;
    (void)check_name(reader, section, "provider", true);
    provider->preset = read_preset(reader, section);
    resolve_connection(reader, section, provider);
    if (provider->preset == NULL) {
        provider->preset = provider_preset_find(SLICE("openai-compatible"));
        return; /* without dialects: its targets resolve, and nothing comes of them */
    }
    resolve_dialects(section, provider);
    provider->quirks = provider->preset->quirks;
    provider->auth = provider->preset->auth;
    resolve_cloud(reader, section, provider);
    if (setting_given(section, "providers.*.local")) {
        bool local = setting_number(section, "providers.*.local") != 0;
        provider->quirks =
            local ? provider->quirks | QUIRK_LOCAL : provider->quirks & ~(unsigned)QUIRK_LOCAL;
    }
    if (resolve_url(reader, section, provider)) {
        provider->proxy = resolve_proxy(reader, section->key_place, &provider->url);
        resolve_headers(reader, section, provider);
    }
}

void resolve_providers(struct reader *reader)
{
    const struct yaml *section = setting_section(reader, "providers");
    struct snapshot *snapshot = reader->snapshot;
    size_t count = member_count(section);
    bool absent = section == NULL && !setting_attempted(reader->root, "providers");
    if (count > PROVIDERS_MAX) {
        report_error(reader, section->key_place, "too_large", "256 are allowed",
                     "there are too many providers");
        return;
    }
    if (absent || (section != NULL && section->first == NULL)) {
        report_error(reader, place_of_key(section), "incomplete",
                     "for example  providers: { openai: { api_key: \"${OPENAI_API_KEY}\" } }",
                     "no provider is configured");
    }
    snapshot->providers = arena_array(reader->arena, count + 1, sizeof(*snapshot->providers));
    if (snapshot->providers == NULL) {
        return;
    }
    for (const struct yaml *p = member_first(section); p != NULL; p = member_next(p)) {
        resolve_provider(reader, p, &snapshot->providers[snapshot->provider_count++]);
    }
}
