/* SPDX-License-Identifier: Apache-2.0 */
#include "config/redact.h"

#include "tests/tap.h"

static void knows_names_of_secrets(void)
{
    static const char *const secret[] = {
        "api_key",  "apikey",        "apiKey",       "API-KEY",  "x-api-key",
        "key",      "token",         "access_token", "secret",   "client_secret_id",
        "password", "Authorization", "cookie",       "api_keys",
    };
    static const char *const open[] = {"keys",  "context_tokens", "input_per_mtok",
                                       "model", "tokens",         "certificate",
                                       "",      "keyboard"};
    for (size_t i = 0; i < ARRAY_LEN(secret); i++) {
        EXPECT(redact_name_is_secret(slice_from_cstr(secret[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(open); i++) {
        EXPECT(!redact_name_is_secret(slice_from_cstr(open[i])));
    }
}

static void shapes(const char *text, const char *wanted)
{
    char copy[200];
    snprintf(copy, sizeof(copy), "%s", text);
    redact_shapes(copy, strlen(copy));
    EXPECT_SLICE(slice_from_cstr(copy), wanted);
}

static void hides_what_looks_like_a_key(void)
{
    shapes("a sk-proj-12345678 b", "a **************** b");
    shapes("\"gsk_abcdefgh12\"", "\"**************\"");
    shapes("sk-1", "sk-1");
    shapes("AKIAIOSFODNN7EXAMPLE.", "********************.");
    shapes("x 0123456789abcdef0123456789ab", "x ****************************");
    shapes("meta-llama/Meta-Llama-3-8B-Instruct-Lite", "meta-llama/Meta-Llama-3-8B-Instruct-Lite");
    shapes("https://generativelanguage.googleapis.com/v1",
           "https://generativelanguage.googleapis.com/v1");
    shapes("1234567890123456789012345678901234567890", "1234567890123456789012345678901234567890");
    shapes("", "");
}

/* Lines joined by \n, with what is hidden as stars. */
static void lines(const char *text, const char *wanted)
{
    struct redactor redactor = {.inside = false};
    struct slice rest = slice_from_cstr(text);
    char out[500];
    size_t used = 0;
    while (rest.len > 0) {
        bool hide[200];
        struct slice line = slice_cut(&rest, '\n');
        redact_line(&redactor, line, hide);
        for (size_t i = 0; i < line.len; i++) {
            out[used++] = hide[i] ? '*' : line.ptr[i];
        }
        out[used++] = '\n';
    }
    EXPECT_SLICE(slice_of(out, used), wanted);
}

static void hides_values_of_secret_names(void)
{
    lines("api_key: abc\n", "api_key: ***\n");
    lines("  api_key: \"a b\" # c\n", "  api_key: \"* *\" # c\n");
    lines("o: { api_key: abc, preset: x }\n", "o: { api_key: ***, preset: x }\n");
    lines("o: { api_key: abc }\n", "o: { api_key: *** }\n");
    lines("o: { api_key: 'a, b', preset: x }\n", "o: { api_key: '** *', preset: x }\n");
    lines("api_key: ${KEY}\n", "api_key: ${KEY}\n");
    lines("api_key: \"${KEY}\"\n", "api_key: \"${KEY}\"\n");
    lines("api_key: ${KEY}x\n", "api_key: ${KEY}*\n");
    lines("api_key: \"${KEY\n", "api_key: \"*****\n");
    lines("\"api_key\": abc\n", "\"api_key\": ***\n");
    lines("model: gpt-4\n", "model: gpt-4\n");
    lines("key: ./a.pem\nkey: /etc/b\nkey: c.pem\nkey: d\n",
          "key: ./a.pem\nkey: /etc/b\nkey: c.pem\nkey: *\n");
    lines("api_key\n", "api_key\n");
    lines("api_key: a\\\n", "api_key: **\n");
    lines("api_key: \"a\\\" b\" c\n", "api_key: \"**\" *\" c\n");
}

static void hides_values_over_lines(void)
{
    lines("api_key:\n  abc\npreset: x\n", "api_key:\n  ***\npreset: x\n");
    lines("api_key: |\n  a b\n\n  c\nx: y\n", "api_key: *\n  * *\n\n  *\nx: y\n");
    lines("api_key: a\n  b\nx: y\n", "api_key: *\n  *\nx: y\n");
    lines("api_key: ${A}\n  b: c\n", "api_key: ${A}\n  b: c\n");
    lines(" api_key: \"a\n  b\n c: d\n", " api_key: \"*\n  *\n c: d\n");
    lines("headers:\n  X: a\n  Y: b\nz: c\n", "headers:\n  ** *\n  ** *\nz: c\n");
    lines("headers: { X: a\n  Y: b }\nz: c\n", "headers: * ** *\n  ** * *\nz: c\n");
}

int main(void)
{
    TEST(knows_names_of_secrets, "knows the names of secrets");
    TEST(hides_what_looks_like_a_key, "hides what has the shape of a key");
    TEST(hides_values_of_secret_names, "hides the values of secret names, not references");
    TEST(hides_values_over_lines, "hides values that go on over lines");
    return tap_done();
}
