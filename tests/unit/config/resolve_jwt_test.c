/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/config/config_testing.h"

#include <unistd.h>

#define FLEET                                                                                      \
    "providers: { local: { preset: ollama } }\n"                                                   \
    "targets: { a: { provider: local, model: a } }\n"
#define WHO "issuer: i, audience: a"
#define JWK                                                                                        \
    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\","                                             \
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}"

static char file[] = "/tmp/sluice-jwks-XXXXXX";
static char text[4096];

static struct snapshot *load(struct loading *loading, const char *jwt)
{
    snprintf(text, sizeof(text), FLEET "keys: { jwt: { %s } }\n", jwt);
    return loading_cstr(loading, text);
}

static void file_with_defaults(void)
{
    struct loading loading;
    char jwt[256];
    snprintf(jwt, sizeof(jwt), WHO ", jwks_file: %s", file);
    const struct snapshot *s = load(&loading, jwt);
    EXPECT(s != NULL);
    if (s != NULL) {
        EXPECT(s->jwt.enabled && s->jwt.keys != NULL && jwks_count(s->jwt.keys) == 1);
        EXPECT_SLICE(s->jwt.rules.issuer, "i");
        EXPECT_INT(s->jwt.rules.audience_count, 1);
        EXPECT_SLICE(s->jwt.rules.audiences[0], "a");
        EXPECT_INT(s->jwt.rules.algorithms, JWT_ALGORITHMS_ALL);
        EXPECT_INT(s->jwt.rules.leeway_s, 30);
        EXPECT_INT(s->jwt.rules.max_age_s, 86400);
        EXPECT_INT(s->jwt.claims.user.len, 0);
    }
    loading_end(&loading);
}

static void url_with_everything(void)
{
    struct loading loading;
    const struct snapshot *s = load(
        &loading, "issuer: i, audience: [a, b], jwks_url: 'https://id.example/k?x=1',\n"
                  "  jwks_refresh: 1m, algorithms: [ES256, EdDSA], leeway: 0s, max_age: 1500ms,\n"
                  "  claims: { user: email, team: t, organisation: o, routes: r, models: m.n }");
    EXPECT(s != NULL);
    if (s != NULL) {
        EXPECT(s->jwt.keys == NULL);
        EXPECT_SLICE(s->jwt.url.host, "id.example");
        EXPECT_SLICE(s->jwt.url.query, "x=1");
        EXPECT_INT(s->jwt.refresh_ms, 60000);
        EXPECT_INT(s->jwt.rules.audience_count, 2);
        EXPECT_INT(s->jwt.rules.algorithms, 1u << JWT_ES256 | 1u << JWT_EDDSA);
        EXPECT_INT(s->jwt.rules.leeway_s, 0);
        EXPECT_INT(s->jwt.rules.max_age_s, 2);
        EXPECT_SLICE(s->jwt.claims.user, "email");
        EXPECT_SLICE(s->jwt.claims.models, "m.n");
    }
    loading_end(&loading);
}

static void absent(void)
{
    struct loading loading;
    const struct snapshot *s = loading_cstr(&loading, FLEET "keys: { required: false }\n");
    EXPECT(s != NULL && !s->jwt.enabled && s->jwt.keys == NULL);
    loading_end(&loading);
}

static void refused(void)
{
    static const struct {
        const char *jwt;
        const char *code;
    } cases[] = {
        {"audience: a, jwks_url: 'https://h/'", "incomplete"},
        {"issuer: i, jwks_url: 'https://h/'", "incomplete"},
        {"issuer: i, audience: [], jwks_url: 'https://h/'", "bad_value"},
        {"issuer: '', audience: a, jwks_url: 'https://h/'", NULL},
        {WHO, "incomplete"},
        {WHO ", jwks_url: 'https://h/', jwks_file: x", "contradiction"},
        {WHO ", jwks_url: 'http://h/'", "bad_value"},
        {WHO ", jwks_url: 'ftp://h/'", "bad_value"},
        {WHO ", jwks_file: /nowhere", "unreadable_file"},
        {WHO ", jwks_file: /etc/hostname", "bad_value"},
        {WHO ", jwks_file: /tmp", "unreadable_file"},
        {WHO ", jwks_url: 'https://h/', algorithms: [HS256]", "bad_value"},
        {WHO ", jwks_url: 'https://h/', algorithms: [none]", "bad_value"},
        {WHO ", jwks_url: 'https://h/', ca_file: /nowhere", "unreadable_file"},
        {WHO ", jwks_url: 'https://h/', audience: [a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q]", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct loading loading;
        EXPECT(load(&loading, cases[i].jwt) == NULL);
        if (cases[i].code != NULL && loading_find(&loading, cases[i].code) == NULL) {
            printf("# %s: no %s\n%.*s\n", cases[i].jwt, cases[i].code,
                   SLICE_ARG(loading_text(&loading)));
            EXPECT(false);
        }
        loading_end(&loading);
    }
    struct loading loading;
    EXPECT(loading_cstr(&loading, FLEET "ledger: { enabled: false }\nkeys: { jwt: { " WHO
                                        ", jwks_url: 'https://h/' } }\n") == NULL);
    EXPECT(loading_find(&loading, "contradiction") != NULL);
    loading_end(&loading);
}

int main(void)
{
    int fd = mkstemp(file);
    EXPECT(fd >= 0 && write(fd, JWK, strlen(JWK)) == (ssize_t)strlen(JWK));
    close(fd);
    TEST(file_with_defaults, "keys of a file, and what holds without being said");
    TEST(url_with_everything, "keys of a URL, and all that can be said");
    TEST(absent, "without the section no token is taken");
    TEST(refused, "what is missing, contradicts itself or would be unsafe is refused");
    unlink(file);
    return tap_done();
}
