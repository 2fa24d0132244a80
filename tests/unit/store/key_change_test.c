/* SPDX-License-Identifier: Apache-2.0 */
/* Changing keys that there are, and what an administrator with limits of its own may do. */
#include "store/key_change.h"

#include "store/audit.h"
#include "tests/unit/store/ledger_testing.h"

#define NOW_S INT64_C(1790000000) /* the tester's */
#define USD 1000000000LL

static struct error error;
static char secret[KEY_TEXT_SIZE];
static struct key made;
static unsigned older;

static struct key_set *load(void)
{
    struct key_set *set = key_set_load(ledger_path, &error);
    CHECK(set != NULL);
    return set;
}

static bool create(const char *name)
{
    const struct key_order order = {.name = slice_from_cstr(name)};
    return key_create(ledger_path, &order, &tester, secret, &made, &error);
}

static enum key_state state_of(const char *text, int64_t wall_s)
{
    const struct key *key = NULL;
    struct key_set *set = load();
    enum key_state state = key_set_check(set, slice_from_cstr(text), wall_s, &key);
    key_set_unref(set);
    return state;
}

static void secrets_that_open_are_bounded(void)
{
    char first[KEY_TEXT_SIZE];
    char other[KEY_TEXT_SIZE];
    struct key key;
    begin();
    EXPECT(create("alice"));
    memcpy(first, secret, sizeof(first));
    for (unsigned i = 0; i < KEY_OLD_SECRETS_MAX; i++) {
        EXPECT(key_rotate(ledger_path, SLICE("alice"), 3600, &tester, secret, &key, &older,
                          &error));
        EXPECT_INT(older, i);
    }
    EXPECT(!key_rotate(ledger_path, SLICE("alice"), 3600, &tester, other, &key, &older, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "too_many_secrets");
    EXPECT_INT(state_of(first, NOW_S), KEY_IN_FORCE);
    EXPECT_INT(state_of(secret, NOW_S), KEY_IN_FORCE);
    EXPECT(key_rotate(ledger_path, SLICE("alice"), 0, &tester, other, &key, &older, &error));
    EXPECT_INT(state_of(first, NOW_S), KEY_ROTATED);
    EXPECT_INT(state_of(other, NOW_S), KEY_IN_FORCE);
    EXPECT(key_rotate(ledger_path, SLICE("alice"), 60, &tester, secret, &key, &older, &error));
    end();
}

static void both_secrets_open_for_a_while(void)
{
    char first[KEY_TEXT_SIZE];
    char second[KEY_TEXT_SIZE];
    char third[KEY_TEXT_SIZE];
    struct key key;
    begin();
    EXPECT(create("alice"));
    memcpy(first, secret, sizeof(first));
    EXPECT(key_rotate(ledger_path, SLICE("alice"), 3600, &tester, second, &key, &older, &error));
    EXPECT(key.id == made.id && strcmp(key.name, "alice") == 0);
    EXPECT(strncmp(second, key.prefix, strlen(key.prefix)) == 0);
    EXPECT_INT(state_of(first, NOW_S + 3599), KEY_IN_FORCE);
    EXPECT_INT(state_of(first, NOW_S + 3600), KEY_ROTATED);
    EXPECT_INT(older, 0);
    EXPECT_INT(state_of(second, NOW_S + 9999999), KEY_IN_FORCE);
    struct key_set *set = load();
    EXPECT(key_set_find(set, KEY_CLIENT, slice_from_cstr(first), NOW_S) ==
           key_set_find(set, KEY_CLIENT, slice_from_cstr(second), NOW_S));
    key_set_unref(set);
    /* The first keeps its overlap, where the new one is not shorter. */
    EXPECT(key_rotate(ledger_path, slice_from_cstr(second), 7200, &tester, third, &key, &older,
                      &error));
    EXPECT_INT(older, 1);
    EXPECT_INT(state_of(first, NOW_S + 3599), KEY_IN_FORCE);
    EXPECT_INT(state_of(first, NOW_S + 3600), KEY_ROTATED);
    EXPECT_INT(state_of(second, NOW_S + 7199), KEY_IN_FORCE);
    EXPECT(key_rotate(ledger_path, SLICE("alice"), 60, &tester, third, &key, &older, &error));
    EXPECT_INT(older, 2);
    EXPECT_INT(state_of(first, NOW_S + 60), KEY_ROTATED);
    EXPECT_INT(state_of(second, NOW_S + 59), KEY_IN_FORCE);
    EXPECT(key_rotate(ledger_path, SLICE("alice"), 0, &tester, secret, &key, &older, &error));
    EXPECT_INT(older, 0);
    EXPECT_INT(state_of(first, NOW_S), KEY_ROTATED);
    EXPECT_INT(state_of(second, NOW_S), KEY_ROTATED);
    EXPECT_INT(state_of(third, NOW_S), KEY_ROTATED);
    EXPECT_INT(state_of(secret, NOW_S), KEY_IN_FORCE);
    /* Whoever finds an old secret can end the key with it. */
    EXPECT(key_revoke(ledger_path, slice_from_cstr(first), &tester, &key, &error));
    EXPECT_INT(state_of(secret, NOW_S), KEY_REVOKED);
    EXPECT(!key_rotate(ledger_path, SLICE("alice"), 0, &tester, third, &key, &older, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "key_not_found");
    EXPECT_INT(third[0], 0);
    end();
}

static void an_expired_key_is_not_rotated(void)
{
    const struct key_order order = {.name = SLICE("old"), .expires_s = NOW_S - 1};
    struct key key;
    begin();
    EXPECT(key_create(ledger_path, &order, &tester, secret, &made, &error));
    EXPECT(!key_rotate(ledger_path, SLICE("old"), 0, &tester, secret, &key, &older, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "key_expired");
    EXPECT_INT(ask("SELECT count(*) FROM old_secrets"), 0);
    end();
}

static void a_blocked_key_waits_for_its_acknowledgement(void)
{
    struct key key;
    begin();
    EXPECT(create("2")); /* a name that is another's id */
    char first[KEY_TEXT_SIZE];
    memcpy(first, secret, sizeof(first));
    EXPECT(create("bob"));
    EXPECT(key_block(ledger_path, 2, &tester, &error));
    EXPECT_INT(state_of(first, NOW_S), KEY_IN_FORCE);
    EXPECT_INT(state_of(secret, NOW_S), KEY_BLOCKED);
    EXPECT(!key_block(ledger_path, 99, &tester, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "key_not_found");
    EXPECT(!key_acknowledge(ledger_path, SLICE("1"), &tester, &key, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "key_not_blocked");
    EXPECT(key_acknowledge(ledger_path, SLICE("bob"), &tester, &key, &error));
    EXPECT_INT(state_of(secret, NOW_S), KEY_IN_FORCE);
    EXPECT_INT(ask("SELECT count(*) FROM audit"), 4);
    end();
}

/* --- limits --- */

static bool limit(enum scope_kind kind, const char *name, const char *model,
                  const struct limit_change *wish, const struct key_actor *actor,
                  struct scope_rule *rule)
{
    const struct limit_subject subject = {
        .kind = kind, .name = slice_from_cstr(name), .model = slice_from_cstr(model)};
    bool is_new = false;
    return key_limit(ledger_path, &subject, wish, actor, rule, &is_new, &error);
}

static struct limit_change cap(enum cap_period period, int64_t amount_nd)
{
    struct limit_change wish = {.limits = limits_none()};
    wish.limits.caps[0] = (struct spend_cap){.period = period, .amount_nd = amount_nd};
    wish.limits.cap_count = 1;
    return wish;
}

static void limits_change_one_by_one(void)
{
    struct scope_rule rule;
    struct limit_change wish = cap(CAP_DAY, USD);
    begin();
    EXPECT(create("alice"));
    EXPECT(limit(SCOPE_KEY, "alice", "", &wish, &tester, &rule));
    wish = cap(CAP_TOTAL, 20 * USD);
    wish.fields = LIMIT_REQUESTS | LIMIT_PACE;
    wish.limits.requests_per_minute = 30;
    wish.limits.pace = true;
    EXPECT(limit(SCOPE_KEY, "1", "", &wish, &tester, &rule));
    EXPECT_INT(rule.limits.cap_count, 2);
    wish = cap(CAP_DAY, 3 * USD);
    EXPECT(limit(SCOPE_KEY, "alice", "", &wish, &tester, &rule));
    EXPECT_INT(rule.limits.cap_count, 2);
    EXPECT_INT(rule.limits.requests_per_minute, 30);
    EXPECT_INT(ask("SELECT amount_nd FROM caps WHERE period = 1"), 3 * USD);
    EXPECT_INT(ask("SELECT amount_nd FROM caps WHERE period = 0"), 20 * USD);
    wish = cap(CAP_DAY, LIMIT_NONE);
    EXPECT(limit(SCOPE_KEY, "alice", "", &wish, &tester, &rule));
    EXPECT_INT(rule.limits.cap_count, 1);
    wish = cap(CAP_WEEK, -5);
    EXPECT(!limit(SCOPE_KEY, "alice", "", &wish, &tester, &rule));
    EXPECT_SLICE(slice_from_cstr(error.code), "bad_limit");
    EXPECT_INT(ask("SELECT count(*) FROM caps"), 1);
    /* Without any limit left there is no row left. */
    wish = (struct limit_change){.fields = LIMIT_REQUESTS | LIMIT_PACE | LIMIT_CAPS_ALL,
                                 .limits = limits_none()};
    EXPECT(limit(SCOPE_KEY, "alice", "", &wish, &tester, &rule));
    EXPECT_INT(ask("SELECT (SELECT count(*) FROM limits) + (SELECT count(*) FROM caps)"), 0);
    end();
}

static void five_caps_are_too_many(void)
{
    struct scope_rule rule;
    struct limit_change wish = {.limits = limits_none()};
    begin();
    EXPECT(create("alice"));
    for (int i = 0; i < 4; i++) {
        wish.limits.caps[i] =
            (struct spend_cap){.period = CAP_ROLLING, .amount_nd = USD, .window_s = 3600 * (i + 1)};
    }
    wish.limits.cap_count = 4;
    EXPECT(limit(SCOPE_KEY, "alice", "", &wish, &tester, &rule));
    wish = cap(CAP_DAY, USD);
    EXPECT(!limit(SCOPE_KEY, "alice", "", &wish, &tester, &rule));
    EXPECT_SLICE(slice_from_cstr(error.code), "bad_limit");
    EXPECT_INT(ask("SELECT count(*) FROM caps"), 4);
    wish = cap(CAP_ROLLING, USD); /* the same window twice: which is meant? */
    wish.limits.caps[0].window_s = 3600;
    wish.limits.caps[1] = wish.limits.caps[0];
    wish.limits.caps[1].amount_nd = 100 * USD;
    wish.limits.cap_count = 2;
    EXPECT(!limit(SCOPE_KEY, "alice", "", &wish, &tester, &rule));
    EXPECT_SLICE(slice_from_cstr(error.code), "bad_limit");
    EXPECT_INT(ask("SELECT max(amount_nd) FROM caps"), USD);
    end();
}

static void scopes_and_models_have_limits(void)
{
    struct scope_rule rule;
    struct limit_change wish = cap(CAP_MONTH, 50 * USD);
    bool is_new = false;
    const struct limit_subject team = {
        .kind = SCOPE_TEAM, .name = SLICE("red"), .organisation = SLICE("acme")};
    begin();
    EXPECT(key_limit(ledger_path, &team, &wish, &tester, &rule, &is_new, &error));
    EXPECT(is_new);
    EXPECT(key_limit(ledger_path, &team, &wish, &tester, &rule, &is_new, &error));
    EXPECT(!is_new);
    EXPECT(limit(SCOPE_TEAM, "red", "gpt4", &wish, &tester, &rule));
    EXPECT(limit(SCOPE_ORGANISATION, "acme", "", &wish, &tester, &rule));
    const struct key_order order = {.name = SLICE("alice"),
                                    .scopes = {[SCOPE_TEAM] = SLICE("red")}};
    EXPECT(key_create(ledger_path, &order, &tester, secret, &made, &error));
    struct key_set *set = load();
    const struct key *key = key_set_at(set, 0);
    EXPECT_INT(key->rules[SCOPE_TEAM].count, 2);
    EXPECT_INT(key->rules[SCOPE_ORGANISATION].count, 1);
    EXPECT_INT(key->rules[SCOPE_KEY].count, 0);
    key_set_unref(set);
    const struct limit_subject wrong = {
        .kind = SCOPE_KEY, .name = SLICE("alice"), .organisation = SLICE("acme")};
    EXPECT(!key_limit(ledger_path, &wrong, &wish, &tester, &rule, &is_new, &error));
    EXPECT(!limit(SCOPE_KEY, "nobody", "", &wish, &tester, &rule));
    EXPECT_SLICE(slice_from_cstr(error.code), "key_not_found");
    end();
}

/* --- administrators --- */

static struct key_set *bound_set;
static struct key_actor bound;

/* An administrator of acme: $10 a month, 5 parallel, the route auto, models gpt-*, until an end. */
static void begin_bound(void)
{
    static const struct grant grants[] = {{GRANT_ROUTE, "auto"}, {GRANT_MODEL, "gpt-*"}};
    struct limit_order limits = {.limits = cap(CAP_MONTH, 10 * USD).limits};
    limits.limits.parallel = 5;
    const struct key_order order = {.role = KEY_ADMIN,
                                    .name = SLICE("ops"),
                                    .scopes = {[SCOPE_ORGANISATION] = SLICE("acme")},
                                    .expires_s = NOW_S + 1000,
                                    .limits = &limits,
                                    .limit_count = 1,
                                    .grants = grants,
                                    .grant_count = 2};
    begin();
    EXPECT(key_create(ledger_path, &order, &tester, secret, &made, &error));
    bound_set = load();
    bound = tester;
    bound.set = bound_set;
    bound.administrator = key_set_by_id(bound_set, made.id);
}

static void end_bound(void)
{
    key_set_unref(bound_set);
    end();
}

struct attempt {
    const char *organisation;
    int64_t expires_s;
    int64_t amount_nd; /* LIMIT_NONE: no cap */
    int64_t parallel;
    const char *route; /* NULL: none */
    const char *model;
    enum key_role role;
    enum cap_period period;
    bool soft;
};

static bool try_create(const char *name, const struct attempt *attempt)
{
    struct grant grants[2];
    size_t count = 0;
    if (attempt->route != NULL) {
        grants[count++] = (struct grant){GRANT_ROUTE, attempt->route};
    }
    if (attempt->model != NULL) {
        grants[count++] = (struct grant){GRANT_MODEL, attempt->model};
    }
    struct limit_order limits = {.limits = limits_none()};
    if (attempt->amount_nd != LIMIT_NONE) {
        limits.limits.caps[0] = (struct spend_cap){
            .period = attempt->period, .amount_nd = attempt->amount_nd, .soft = attempt->soft};
        limits.limits.cap_count = 1;
    }
    limits.limits.parallel = attempt->parallel;
    const struct key_order order = {
        .role = attempt->role,
        .name = slice_from_cstr(name),
        .scopes = {[SCOPE_ORGANISATION] = slice_from_cstr(attempt->organisation)},
        .expires_s = attempt->expires_s,
        .limits = &limits,
        .limit_count = 1,
        .grants = grants,
        .grant_count = count,
    };
    return key_create(ledger_path, &order, &bound, secret, &made, &error);
}

static void nobody_gives_more_than_it_has(void)
{
    const struct attempt fine = {"",     NOW_S + 1000, 10 * USD,           5,
                                 "auto", "gpt-4*",     .period = CAP_MONTH};
    const struct attempt total = {"acme", NOW_S + 9, 0, 0, "auto", "gpt-4", .period = CAP_TOTAL};
    struct attempt wrong[12];
    size_t count = 0;
    begin_bound();
    EXPECT(try_create("fine", &fine));
    EXPECT_INT(made.scopes[SCOPE_ORGANISATION], bound.administrator->scopes[SCOPE_ORGANISATION]);
    EXPECT_INT(ask("SELECT creator FROM keys WHERE name = 'fine'"), 1);
    EXPECT(try_create("total", &total));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        wrong[i] = fine;
    }
    wrong[count++].organisation = "other";
    wrong[count++].expires_s = 0;
    wrong[count++].expires_s = NOW_S + 1001;
    wrong[count++].amount_nd = 10 * USD + 1;
    wrong[count++].amount_nd = LIMIT_NONE;
    wrong[count++].period = CAP_DAY;
    wrong[count++].soft = true;
    wrong[count++].parallel = 6;
    wrong[count++].parallel = LIMIT_NONE;
    wrong[count++].route = NULL;
    wrong[count++].model = "g*";
    wrong[count++].role = KEY_ADMIN;
    EXPECT_INT(count, ARRAY_LEN(wrong));
    for (size_t i = 0; i < count; i++) {
        EXPECT(!try_create("more", &wrong[i]));
        EXPECT_SLICE(slice_from_cstr(error.code), "exceeds_creator");
    }
    EXPECT_INT(ask("SELECT count(*) FROM keys"), 3);
    EXPECT_INT(ask("SELECT count(*) FROM scopes"), 1); /* not even an organisation */
    end_bound();
}

static void others_keys_are_not_there(void)
{
    const struct key_order foreign = {.name = SLICE("foreign"),
                                      .scopes = {[SCOPE_ORGANISATION] = SLICE("other")}};
    const struct key_order rich = {
        .name = SLICE("rich"),
        .scopes = {[SCOPE_ORGANISATION] = SLICE("acme"), [SCOPE_USER] = SLICE("ann")}};
    struct limit_change wish = cap(CAP_MONTH, USD);
    struct scope_rule rule;
    struct key key;
    char text[KEY_TEXT_SIZE];
    begin_bound();
    EXPECT(key_create(ledger_path, &foreign, &tester, text, &made, &error));
    EXPECT(key_create(ledger_path, &rich, &tester, secret, &made, &error));
    static const char *const words[] = {"foreign", "2", "ops", "1"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct slice which = slice_from_cstr(words[i]);
        EXPECT(!key_revoke(ledger_path, which, &bound, &key, &error));
        EXPECT_SLICE(slice_from_cstr(error.code), "key_not_found");
        EXPECT(!key_rotate(ledger_path, which, 0, &bound, secret, &key, &older, &error));
        EXPECT_SLICE(slice_from_cstr(error.code), "key_not_found");
        EXPECT(!key_acknowledge(ledger_path, which, &bound, &key, &error));
        EXPECT_SLICE(slice_from_cstr(error.code), "key_not_found");
        EXPECT(!limit(SCOPE_KEY, words[i], "", &wish, &bound, &rule));
        EXPECT_SLICE(slice_from_cstr(error.code), "key_not_found");
    }
    EXPECT(!key_revoke(ledger_path, slice_from_cstr(text), &bound, &key, &error));
    /* A key of its own organisation that has more than it may give: it gets no secret of it. */
    EXPECT(!key_rotate(ledger_path, SLICE("rich"), 0, &bound, secret, &key, &older, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "exceeds_creator");
    EXPECT(!limit(SCOPE_ORGANISATION, "acme", "", &wish, &bound, &rule));
    EXPECT_SLICE(slice_from_cstr(error.code), "exceeds_creator");
    EXPECT(!limit(SCOPE_ORGANISATION, "other", "", &wish, &bound, &rule));
    const struct limit_subject team = {
        .kind = SCOPE_TEAM, .name = SLICE("t"), .organisation = SLICE("other")};
    bool is_new;
    EXPECT(!key_limit(ledger_path, &team, &wish, &bound, &rule, &is_new, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "exceeds_creator");
    EXPECT_INT(ask("SELECT count(*) FROM scopes WHERE kind = 2"), 0);
    wish = cap(CAP_MONTH, 11 * USD);
    wish.fields = LIMIT_PARALLEL;
    wish.limits.parallel = 1;
    EXPECT(!limit(SCOPE_USER, "ann", "", &wish, &bound, &rule));
    EXPECT_SLICE(slice_from_cstr(error.code), "exceeds_creator");
    wish.limits.caps[0].amount_nd = 9 * USD;
    EXPECT(limit(SCOPE_USER, "ann", "", &wish, &bound, &rule));
    EXPECT_INT(rule.scope_id, made.scopes[SCOPE_USER]);
    EXPECT(key_revoke(ledger_path, SLICE("rich"), &bound, &key, &error));
    end_bound();
}

int main(void)
{
    TEST(both_secrets_open_for_a_while, "a rotated key opens with both secrets for a while");
    TEST(secrets_that_open_are_bounded, "so many secrets of a key may open, and no more");
    TEST(an_expired_key_is_not_rotated, "an expired key is not rotated");
    TEST(a_blocked_key_waits_for_its_acknowledgement, "a blocked key waits to be acknowledged");
    TEST(limits_change_one_by_one, "limits change one by one, and go");
    TEST(five_caps_are_too_many, "a scope has four caps");
    TEST(scopes_and_models_have_limits, "scopes and models have limits of their own");
    TEST(nobody_gives_more_than_it_has, "an administrator gives no more than it has");
    TEST(others_keys_are_not_there, "an administrator does not see the keys of others");
    return tap_done();
}
