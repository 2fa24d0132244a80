/* SPDX-License-Identifier: Apache-2.0 */
/* What validation does beside messages (those are in golden/): options of nodes, broken marks,
 * places of secrets. */
#include "config/validate.h"

#include "tests/tap.h"

struct validated {
    struct arena arena;
    struct diagnostics diagnostics;
    struct yaml *root;
};

static struct validated validate(const char *text)
{
    struct validated v = {.root = NULL};
    bool whole;
    arena_init(&v.arena, 1u << 20);
    v.root = yaml_parse(slice_from_cstr(text), &v.arena, &v.diagnostics, &whole);
    EXPECT(whole);
    validate_tree(v.root, &v.diagnostics);
    return v;
}

static void validated_release(struct validated *v)
{
    diagnostics_release(&v->diagnostics);
    arena_release(&v->arena);
}

static struct yaml *at(const struct validated *v, const char *path)
{
    struct slice rest = slice_from_cstr(path);
    struct yaml *node = v->root;
    while (rest.len > 0 && node != NULL) {
        node = yaml_member(node, slice_cut(&rest, '.'));
    }
    return node;
}

static void option_is(const struct validated *v, const char *path, const char *wanted)
{
    const struct yaml *node = at(v, path);
    EXPECT(node != NULL && node->option != NULL);
    if (node != NULL && node->option != NULL) {
        EXPECT_SLICE(slice_from_cstr(node->option->path), wanted);
    }
}

static void gives_nodes_their_options(void)
{
    struct validated v =
        validate("server: { tls: { key: k } }\n"
                 "providers: { mine: { headers: { X-A: b } } }\n"
                 "routes: { auto: { tasks: { chat: { prefer: a }, math: [b] } } }\n");
    EXPECT_INT(v.diagnostics.count, 0);
    option_is(&v, "server", "server");
    option_is(&v, "server.tls.key", "server.tls.key");
    option_is(&v, "providers.mine", "providers.*");
    option_is(&v, "providers.mine.headers.X-A", "providers.*.headers.*");
    option_is(&v, "routes.auto.tasks.chat", "routes.*.tasks.*");
    option_is(&v, "routes.auto.tasks.chat.prefer", "routes.*.tasks.*.prefer");
    option_is(&v, "routes.auto.tasks.math", "routes.*.tasks.*");
    validated_release(&v);
}

/* A name of the user's may look like anything in the table. */
static void names_are_free(void)
{
    struct validated v = validate("targets: { price: {}, targets: {}, tier: {}, a.price: {} }\n"
                                  "providers: { headers: {}, api_key: {} }\n");
    EXPECT_INT(v.diagnostics.count, 0);
    option_is(&v, "targets.price", "targets.*");
    option_is(&v, "providers.api_key", "providers.*");
    validated_release(&v);
}

static void marks_what_is_wrong(void)
{
    struct validated v = validate("server: { workers: many, connections: 5, nothing: { a: 1 } }\n"
                                  "log: [a]\n"
                                  "routes: { auto: { targets: [a, [b]], max_attempts: {} } }\n");
    EXPECT_INT(v.diagnostics.errors, 5);
    EXPECT(at(&v, "server.workers")->broken);
    EXPECT(!at(&v, "server.connections")->broken);
    EXPECT(at(&v, "server.nothing")->option == NULL);
    EXPECT(at(&v, "server.nothing.a")->option == NULL);
    EXPECT(at(&v, "log")->broken);
    EXPECT(!at(&v, "routes.auto.targets")->broken);
    EXPECT(at(&v, "routes.auto.targets")->last->broken);
    EXPECT(at(&v, "routes.auto.max_attempts")->broken);
    validated_release(&v);
}

static bool hides(const struct validated *v, unsigned line, unsigned column)
{
    for (size_t i = 0; i < v->diagnostics.hidden_count; i++) {
        if (v->diagnostics.hidden[i].line == line && v->diagnostics.hidden[i].column == column) {
            return true;
        }
    }
    return false;
}

static void knows_where_secrets_stand(void)
{
    struct validated v = validate("providers:\n"
                                  "  a: { api_key: one }\n"
                                  "  b: { api_key: \"${KEY}\" }\n"
                                  "  c: { headers: { X-A: two } }\n"
                                  "  d: { apikey: three }\n"
                                  "  e: { api_key: { f: [four] } }\n"
                                  "nothing: { deep: [{ token: five }] }\n"
                                  "server: { tls: { key: file } }\n");
    EXPECT(hides(&v, 2, 17));
    EXPECT(hides(&v, 4, 24));
    EXPECT(hides(&v, 5, 16));
    EXPECT(hides(&v, 6, 19));
    EXPECT(hides(&v, 6, 23));
    EXPECT(hides(&v, 7, 28));
    EXPECT_INT(v.diagnostics.hidden_count, 6);
    validated_release(&v);
}

int main(void)
{
    TEST(gives_nodes_their_options, "gives nodes their options");
    TEST(names_are_free, "names of the user are free");
    TEST(marks_what_is_wrong, "marks what is wrong, and only that");
    TEST(knows_where_secrets_stand, "knows where secrets stand");
    return tap_done();
}
