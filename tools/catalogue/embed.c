/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the C tables of the price catalogue: embed CATALOGUE.tsv CAPABILITIES.tsv >
 * catalogue_data.h. A build tool: it needs nothing but a C compiler, reads files of the tree only,
 * and stops with file and line at whatever it does not understand. The formats are described at the
 * head of the two files.
 */
#include "model/capability.h"
#include "model/price.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_MAX_BYTES 16384
#define FIELDS_MAX 512
#define POOL_MAX (1u << 20)
#define ROWS_MAX 16384
#define STACK_MAX 32 /* CATALOGUE_STACK_MAX of src/provider/catalogue.c */
#define RULES_MAX 1024
#define NOT_FOUND (-1)

struct text {
    unsigned offset;
    unsigned len;
};

struct provider_row {
    struct text id;
    int first_model, model_count;
    int first_fallback, fallback_count;
    char fallbacks[256];
};

struct model_row {
    struct text id, name;
    int first_match, match_count;
    int first_period, period_count;
    long long context, output;
    unsigned capabilities;
};

struct match_row {
    char sign;
    struct text text;
    int count;
};

struct period_row {
    char kind; /* a always, f from, d daily */
    long long begin, end;
    int price;
};

struct tier_row {
    int64_t above;
    int rates;
};

struct price_row {
    bool known;
    int base, tier_count;
    struct tier_row tiers[PRICE_TIERS_MAX];
    int64_t per_request;
};

struct family {
    char pattern[128];
    long long context, output;
    unsigned capabilities;
};

struct carrier {
    char provider[64];
    unsigned passes, adds;
};

static char pool[POOL_MAX];
static unsigned pool_len;
static struct provider_row providers[256];
static int provider_count;
static struct model_row models[ROWS_MAX];
static int model_count;
static struct match_row matches[ROWS_MAX];
static int match_count;
static struct period_row periods[ROWS_MAX];
static int period_count;
static struct price_row prices[ROWS_MAX];
static int price_count;
static struct price_rates rates[ROWS_MAX];
static int rates_count;
static struct family families[RULES_MAX];
static int family_count;
static struct carrier carriers[64];
static int carrier_count;
static int fallback_ids[1024];
static int fallback_count;
static char source[128], date[32];

static const char *file_name;
static int line_number;

NO_RETURN static void fail(const char *format, ...) PRINTF_LIKE(1, 2);
static void fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fprintf(stderr, "%s:%d: ", file_name, line_number);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(1);
}

static int next_row(int *count, int limit)
{
    if (*count >= limit) {
        fail("more than %d rows", limit);
    }
    return (*count)++;
}

/* Equal texts share their bytes. */
static struct text intern(const char *bytes)
{
    unsigned len = (unsigned)strlen(bytes);
    const char *found = len == 0 ? pool : memmem(pool, pool_len, bytes, len);
    if (found != NULL) {
        return (struct text){(unsigned)(found - pool), len};
    }
    if (len > POOL_MAX - pool_len) {
        fail("texts of more than %u bytes", POOL_MAX);
    }
    memcpy(pool + pool_len, bytes, len);
    pool_len += len;
    return (struct text){pool_len - len, len};
}

static long long number(const char *text)
{
    char *end = NULL;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || value < 0) {
        fail("not a number: %s", text);
    }
    return value;
}

static void copy_text(char *to, size_t size, const char *from)
{
    if (strlen(from) >= size) {
        fail("too long: %s", from);
    }
    memcpy(to, from, strlen(from) + 1);
}

/* Seconds from 1970-01-01 to the beginning of a day of the Gregorian calendar. */
static long long seconds_of_date(const char *text)
{
    int year = 0;
    int month = 0;
    int day = 0;
    char rest = 0;
    if (sscanf(text, "%4d-%2d-%2d%c", &year, &month, &day, &rest) != 3 || year < 1970 ||
        month < 1 || month > 12) {
        fail("not a date: %s", text);
    }
    int shifted =
        month <= 2 ? year - 1 : year; /* years that begin in March, so that a leap day ends one */
    long long day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    long long days =
        365LL * shifted + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year - 719468;
    return days * 86400;
}

/* --- prices --- */

static int intern_rates(const struct price_rates *wanted)
{
    for (int i = 0; i < rates_count; i++) {
        if (memcmp(&rates[i], wanted, sizeof(*wanted)) == 0) {
            return i;
        }
    }
    int row = next_row(&rates_count, ROWS_MAX);
    rates[row] = *wanted;
    return row;
}

static bool same_price(const struct price_row *a, const struct price_row *b)
{
    bool same = a->known == b->known && a->base == b->base && a->tier_count == b->tier_count &&
                a->per_request == b->per_request;
    for (int i = 0; same && i < a->tier_count; i++) {
        same = a->tiers[i].above == b->tiers[i].above && a->tiers[i].rates == b->tiers[i].rates;
    }
    return same;
}

static int intern_price(const struct price_row *wanted)
{
    for (int i = 0; i < price_count; i++) {
        if (same_price(&prices[i], wanted)) {
            return i;
        }
    }
    int row = next_row(&price_count, ROWS_MAX);
    prices[row] = *wanted;
    return row;
}

/* "in=1 out=2 read=3": missing rates are -1, missing input and output 0. */
static int read_rates(char *field, int64_t *above, int64_t *per_request)
{
    struct price_rates out = PRICE_RATES(0, 0);
    for (char *rest = NULL, *pair = strtok_r(field, " ", &rest); pair != NULL;
         pair = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(pair, '=');
        if (value == NULL) {
            fail("not a rate: %s", pair);
        }
        *value++ = '\0';
        const struct {
            const char *name;
            int64_t *rate;
        } names[] = {
            {"in", &out.input},
            {"out", &out.output},
            {"read", &out.cache_read},
            {"write", &out.cache_write},
            {"write1h", &out.cache_write_1h},
            {"ain", &out.audio_input},
            {"aout", &out.audio_output},
            {"reason", &out.reasoning},
            {"iin", &out.image_input},
            {"iout", &out.image_output},
            {"above", above},
            {"request", per_request},
        };
        size_t i = 0;
        while (i < ARRAY_LEN(names) && strcmp(names[i].name, pair) != 0) {
            i++;
        }
        if (i == ARRAY_LEN(names)) {
            fail("unknown rate: %s", pair);
        }
        *names[i].rate = number(value);
    }
    return intern_rates(&out);
}

static int read_price(char **fields, int count)
{
    struct price_row price = {0};
    if (strcmp(fields[0], "unknown") == 0) {
        return intern_price(&price);
    }
    int64_t above = 0;
    price.known = true;
    price.base = read_rates(fields[0], &above, &price.per_request);
    for (int i = 1; i < count; i++) {
        if (price.tier_count == PRICE_TIERS_MAX) {
            fail("more than %d tiers", PRICE_TIERS_MAX);
        }
        struct tier_row *tier = &price.tiers[price.tier_count++];
        int64_t ignored = 0;
        tier->rates = read_rates(fields[i], &tier->above, &ignored);
        if (tier->above <= above) {
            fail("tiers are not ascending");
        }
        above = tier->above;
    }
    return intern_price(&price);
}

static void read_when(struct period_row *period, const char *text)
{
    char begin[32];
    if (strcmp(text, "always") == 0) {
        period->kind = 'a';
    } else if (sscanf(text, "from %31s", begin) == 1) {
        period->kind = 'f';
        period->begin = seconds_of_date(begin);
    } else if (sscanf(text, "daily %lld %lld", &period->begin, &period->end) == 2 &&
               period->begin >= 0 && period->begin < 86400 && period->end >= 0 &&
               period->end < 86400) {
        period->kind = 'd';
    } else {
        fail("unknown time: %s", text);
    }
}

/* --- match rules --- */

static void read_match(char **fields, int count)
{
    int depth = 0;
    for (int i = 0; i < count; i++) {
        struct match_row *row = &matches[next_row(&match_count, ROWS_MAX)];
        row->sign = fields[i][0];
        if (row->sign != '\0' && strchr("=^$*~", row->sign) != NULL) {
            row->text = intern(fields[i] + 1);
            depth++;
        } else if (row->sign == '|' || row->sign == '&') {
            row->count = (int)number(fields[i] + 1);
            depth -= row->count - 1;
        } else if (row->sign != '!') {
            fail("unknown match word: %s", fields[i]);
        }
        if (depth < 1 || depth > STACK_MAX) {
            /* A flat list of many alternatives would need as deep a stack: see fold_list(). */
            fail("match rule is malformed or deeper than %d", STACK_MAX);
        }
    }
    if (depth != 1) {
        fail("match rule leaves %d values", depth);
    }
}

/* Rewrites "a b c |3" as "a b |2 c |2", so that the depth does not grow with the number of
   alternatives. Only lists of plain words are rewritten; what remains is as deep as the rule is
   nested. */
static int fold_list(char **fields, int count, char **out, char fold[4])
{
    const char *last = fields[count - 1];
    bool list = count > 2 && (last[0] == '|' || last[0] == '&') && number(last + 1) == count - 1;
    for (int i = 0; list && i < count - 1; i++) {
        list = strchr("=^$*~", fields[i][0]) != NULL;
    }
    if (!list) {
        memcpy(out, fields, (size_t)count * sizeof(*out));
        return count;
    }
    fold[0] = last[0];
    fold[1] = '2';
    fold[2] = '\0';
    int len = 0;
    for (int i = 0; i < count - 1; i++) {
        out[len++] = fields[i];
        if (i > 0) {
            out[len++] = fold;
        }
    }
    return len;
}

/* --- capabilities --- */

static unsigned capability_bits(char *names)
{
    static const char *const known[] = {
#define X(symbol, name, help) [CAPABILITY_BIT_##symbol] = name,
        CAPABILITY_LIST(X)
#undef X
    };
    unsigned bits = 0;
    for (char *rest = NULL, *name = strtok_r(names, ",", &rest); name != NULL;
         name = strtok_r(NULL, ",", &rest)) {
        unsigned bit = 0;
        while (bit < CAPABILITY_COUNT && strcmp(known[bit], name) != 0) {
            bit++;
        }
        if (bit < CAPABILITY_COUNT) {
            bits |= 1u << bit;
        } else if (strcmp(name, "all") == 0) {
            bits |= (1u << CAPABILITY_COUNT) - 1;
        } else if (strcmp(name, "-") != 0) {
            fail("unknown capability: %s", name);
        }
    }
    return bits;
}

/* `*` stands for any bytes; linear in practice, and both sides are files of the tree. */
static bool glob(const char *pattern, const char *text)
{
    const char *star = NULL;
    const char *mark = text;
    while (*text != '\0') {
        if (*pattern == *text) {
            pattern++;
            text++;
        } else if (*pattern == '*') {
            star = pattern++;
            mark = text;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++mark;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}

/* The name that the patterns of families are for: lower case, without vendor ("openai/") and
 * variant (":free"). */
static void family_name(const char *id, char name[128])
{
    const char *slash = strrchr(id, '/');
    size_t len = 0;
    for (const char *p = slash == NULL ? id : slash + 1; *p != '\0' && *p != ':' && len < 127;
         p++) {
        name[len++] = (char)tolower((unsigned char)*p);
    }
    name[len] = '\0';
}

static void describe(struct model_row *model, const char *provider, const char *id)
{
    char name[128];
    char scoped[256];
    family_name(id, name);
    snprintf(scoped, sizeof(scoped), "%s/%s", provider, name);
    const struct family *family = NULL;
    for (int i = 0; i < family_count && family == NULL; i++) {
        if (glob(families[i].pattern, strchr(families[i].pattern, '/') != NULL ? scoped : name)) {
            family = &families[i];
        }
    }
    if (family == NULL) {
        return;
    }
    model->capabilities = family->capabilities;
    model->output = family->output;
    model->context = model->context > 0 ? model->context : family->context;
    for (int i = 0; i < carrier_count; i++) {
        if (strcmp(carriers[i].provider, provider) == 0) {
            model->capabilities &= carriers[i].passes;
            model->capabilities |= model->capabilities != 0 ? carriers[i].adds : 0;
        }
    }
}

/* --- files --- */

static void capability_line(char **fields, int count)
{
    if (strcmp(fields[0], "family") == 0 && count == 5) {
        struct family *row = &families[next_row(&family_count, RULES_MAX)];
        copy_text(row->pattern, sizeof(row->pattern), fields[1]);
        row->context = number(fields[2]);
        row->output = number(fields[3]);
        row->capabilities = capability_bits(fields[4]);
    } else if (strcmp(fields[0], "provider") == 0 && count == 4) {
        struct carrier *row = &carriers[next_row(&carrier_count, ARRAY_LEN(carriers))];
        copy_text(row->provider, sizeof(row->provider), fields[1]);
        row->passes = capability_bits(fields[2]);
        row->adds = capability_bits(fields[3]);
    } else {
        fail("unknown line: %s", fields[0]);
    }
}

static char provider_id[64];

static void provider_line(char **fields)
{
    struct provider_row *row = &providers[next_row(&provider_count, ARRAY_LEN(providers))];
    copy_text(provider_id, sizeof(provider_id), fields[1]);
    row->id = intern(fields[1]);
    row->first_model = model_count;
    copy_text(row->fallbacks, sizeof(row->fallbacks), fields[3]);
}

static void model_line(char **fields)
{
    if (provider_count == 0) {
        fail("a model without a provider");
    }
    struct model_row *row = &models[next_row(&model_count, ROWS_MAX)];
    providers[provider_count - 1].model_count++;
    row->id = intern(fields[1]);
    row->name = intern(fields[2]);
    row->context = number(fields[3]);
    row->first_match = match_count;
    row->first_period = period_count;
    describe(row, provider_id, fields[1]);
}

static void catalogue_line(char **fields, int count)
{
    char *folded[2 * FIELDS_MAX];
    char fold[4];
    if (strcmp(fields[0], "source") == 0 && count == 2) {
        copy_text(source, sizeof(source), fields[1]);
    } else if (strcmp(fields[0], "date") == 0 && count == 2) {
        copy_text(date, sizeof(date), fields[1]);
    } else if (strcmp(fields[0], "provider") == 0 && count == 4) {
        provider_line(fields);
    } else if (strcmp(fields[0], "model") == 0 && count == 4) {
        model_line(fields);
    } else if (strcmp(fields[0], "match") == 0 && count > 1 && model_count > 0) {
        int len = fold_list(fields + 1, count - 1, folded, fold);
        read_match(folded, len);
        models[model_count - 1].match_count += len;
    } else if (strcmp(fields[0], "price") == 0 && count > 2 && model_count > 0) {
        struct period_row *row = &periods[next_row(&period_count, ROWS_MAX)];
        read_when(row, fields[1]);
        row->price = read_price(fields + 2, count - 2);
        models[model_count - 1].period_count++;
    } else {
        fail("unknown line: %s", fields[0]);
    }
}

static void read_file(const char *name, void (*take)(char **fields, int count))
{
    static char line[LINE_MAX_BYTES];
    char *fields[FIELDS_MAX];
    file_name = name;
    line_number = 0;
    FILE *file = fopen(name, "r");
    if (file == NULL) {
        fail("cannot be opened");
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        line_number++;
        size_t len = strlen(line);
        if (len == 0 || line[len - 1] != '\n') {
            fail("line too long");
        }
        line[len - 1] = '\0';
        if (line[0] == '#' || line[0] == '\0') {
            continue;
        }
        int count = 0;
        for (char *rest = line, *field; (field = strsep(&rest, "\t")) != NULL;) {
            fields[next_row(&count, FIELDS_MAX)] = field;
        }
        take(fields, count);
    }
    fclose(file);
}

static int provider_named(const char *id)
{
    for (int i = 0; i < provider_count; i++) {
        if (providers[i].id.len == strlen(id) &&
            memcmp(pool + providers[i].id.offset, id, strlen(id)) == 0) {
            return i;
        }
    }
    return NOT_FOUND;
}

static void resolve_fallbacks(void)
{
    for (int i = 0; i < provider_count; i++) {
        providers[i].first_fallback = fallback_count;
        for (char *rest = NULL, *id = strtok_r(providers[i].fallbacks, ",", &rest); id != NULL;
             id = strtok_r(NULL, ",", &rest)) {
            int found = provider_named(id);
            if (found != NOT_FOUND) {
                fallback_ids[next_row(&fallback_count, ARRAY_LEN(fallback_ids))] = found;
            }
        }
        providers[i].fallback_count = fallback_count - providers[i].first_fallback;
    }
}

/* --- output --- */

static void write_pool(void)
{
    printf("static const char catalogue_pool[] =");
    for (unsigned i = 0; i < pool_len; i++) {
        if (i % 96 == 0) {
            printf("%s\n    \"", i == 0 ? "" : "\"");
        }
        if (pool[i] == '"' || pool[i] == '\\' || pool[i] == '?') {
            putchar('\\');
        }
        putchar(pool[i]);
    }
    printf("\";\n\n");
}

static void write_prices(void)
{
    printf("static const struct price_rates catalogue_rates[] = {\n");
    for (int i = 0; i < rates_count; i++) {
        const struct price_rates *r = &rates[i];
        printf("    {%lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld},\n",
               (long long)r->input, (long long)r->output, (long long)r->cache_read,
               (long long)r->cache_write, (long long)r->cache_write_1h, (long long)r->audio_input,
               (long long)r->audio_output, (long long)r->reasoning, (long long)r->image_input,
               (long long)r->image_output);
    }
    printf("};\n\nstatic const struct catalogue_price_row catalogue_prices[] = {\n");
    for (int i = 0; i < price_count; i++) {
        const struct price_row *p = &prices[i];
        printf("    {%s, %d, %d, {", p->known ? "true" : "false", p->base, p->tier_count);
        for (int t = 0; t < PRICE_TIERS_MAX; t++) {
            printf("%s{%lld, %d}", t == 0 ? "" : ", ", (long long)p->tiers[t].above,
                   p->tiers[t].rates);
        }
        printf("}, %lld},\n", (long long)p->per_request);
    }
    printf("};\n\nstatic const struct catalogue_period_row catalogue_periods[] = {\n");
    for (int i = 0; i < period_count; i++) {
        printf("    {'%c', %lld, %lld, %d},\n", periods[i].kind, periods[i].begin, periods[i].end,
               periods[i].price);
    }
    printf("};\n\n");
}

static void write_models(void)
{
    printf("static const struct catalogue_match_row catalogue_matches[] = {\n");
    for (int i = 0; i < match_count; i++) {
        printf("    {'%c', %u, %u},\n", matches[i].sign, matches[i].text.offset,
               matches[i].text.len + (unsigned)matches[i].count);
    }
    printf("};\n\nstatic const struct catalogue_model_row catalogue_models[] = {\n");
    for (int i = 0; i < model_count; i++) {
        const struct model_row *m = &models[i];
        printf("    {{%u, %u}, {%u, %u}, %d, %d, %d, %d, %lld, %lld, 0x%x},\n", m->id.offset,
               m->id.len, m->name.offset, m->name.len, m->first_match, m->match_count,
               m->first_period, m->period_count, m->context, m->output, m->capabilities);
    }
    printf("};\n\nstatic const struct catalogue_provider_row catalogue_providers[] = {\n");
    for (int i = 0; i < provider_count; i++) {
        const struct provider_row *p = &providers[i];
        printf("    {{%u, %u}, %d, %d, %d, %d},\n", p->id.offset, p->id.len, p->first_model,
               p->model_count, p->first_fallback, p->fallback_count);
    }
    printf("};\n\nstatic const unsigned char catalogue_fallbacks[] = {");
    for (int i = 0; i < fallback_count; i++) {
        printf("%d, ", fallback_ids[i]);
    }
    printf("0};\n\n"); /* never empty */
}

int main(int count, char **arguments)
{
    if (count != 3) {
        fprintf(stderr, "usage: embed CATALOGUE.tsv CAPABILITIES.tsv\n");
        return 2;
    }
    read_file(arguments[2], capability_line);
    read_file(arguments[1], catalogue_line);
    if (model_count == 0 || source[0] == '\0' || date[0] == '\0') {
        fail("no models, source or date");
    }
    resolve_fallbacks();
    printf("/* Generated by tools/catalogue/embed.c from data/catalogue: do not edit. */\n\n");
    printf("#include \"provider/catalogue_rows.h\"\n\n");
    printf("static const char catalogue_source[] = \"%s\";\n", source);
    printf("static const char catalogue_date[] = \"%s\";\n\n", date);
    write_pool();
    write_prices();
    write_models();
    return ferror(stdout) || fflush(stdout) != 0;
}
