/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one hard idea: the state of a cell is one word that is replaced by compare-and-swap, and what
 * a forecast needs of it is worked out when an answer is noted, not when a plan is made: a plan
 * asks every target, an answer concerns one. Two workers that publish at the same time may leave
 * the older of two factors; the next answer repairs it.
 *
 * Numbers are logarithms to base 2. With mean m and variance v of the logarithm, the expected
 * factor of a lognormal variable is 2^(m + v ln2 / 2), its 90th percentile 2^(m + 1.2816 sqrt v).
 */
#include "route/experience.h"

#include <math.h>
#include <stddef.h>

#define HALF_LN2 0.34657359
#define SIGMAS_90 1.2815516
#define SIGMAS_INPUT 2.0
#define LOG_MAX 30.0   /* beyond it nothing is believed */
#define RATIO_MAX 10.0 /* of a ratio: a factor of 1024 */

/* So many answers of experience weigh as much as the table, and as the target's other tasks. */
#define PRIOR_WEIGHT 4.0
/* The spread that is assumed of few answers: three octaves between the 10th and 90th percentile */
#define PRIOR_VARIANCE 1.4
#define PRIOR_VARIANCE_INPUT 0.03
#define PRIOR_VARIANCE_COUNT 3.0
/* A shorter prompt says more of its framing, and of what the provider puts before it, than of how
 * its text is counted. */
#define INPUT_LEAST 64
/* From so many answers on one more says little: what a forecast needs is worked out for one in so
 * many of them. */
#define PUBLISH_ALWAYS 64u
#define PUBLISH_EVERY 8u
#define RATIO_INPUT_MAX 2.0

#define GET(member) atomic_load_explicit(&(member), memory_order_relaxed)
#define SET(member, value) atomic_store_explicit(&(member), (value), memory_order_relaxed)

/* --- a cell's word: 12 bits of count, 26 of the mean (signed), 26 of the variance --- */

/* What is beyond the memory tells only which answers are published. */
#define COUNT_WRAP (EXPERIENCE_MEMORY + PUBLISH_EVERY)
_Static_assert(EXPERIENCE_MEMORY % PUBLISH_EVERY == 0, "the counts go on in step");

#define COUNT_BITS 12
#define MEAN_BITS 26
#define VARIANCE_BITS 26
#define MEAN_SCALE ((double)(1 << 20))     /* +-32 */
#define VARIANCE_SCALE ((double)(1 << 18)) /* up to 256 */
#define MEAN_MASK ((UINT64_C(1) << MEAN_BITS) - 1)
#define VARIANCE_MASK ((UINT64_C(1) << VARIANCE_BITS) - 1)

struct moments {
    double count;
    double mean;
    double variance;
    unsigned answers; /* the count, which goes on to COUNT_WRAP and begins again at the memory */
};

/* As llround(), inline. */
static int64_t nearest(double value)
{
    return (int64_t)(value < 0 ? value - 0.5 : value + 0.5);
}

static uint64_t moments_pack(const struct moments *moments)
{
    double variance = moments->variance * VARIANCE_SCALE + 0.5;
    int64_t packed = variance < (double)VARIANCE_MASK ? (int64_t)variance : (int64_t)VARIANCE_MASK;
    int64_t mean = nearest(moments->mean * MEAN_SCALE);
    return (uint64_t)moments->answers << (MEAN_BITS + VARIANCE_BITS) |
           ((uint64_t)mean & MEAN_MASK) << VARIANCE_BITS | (uint64_t)packed;
}

static struct moments moments_of(uint64_t state)
{
    int64_t whole = (int64_t)(state << COUNT_BITS) >> (COUNT_BITS + VARIANCE_BITS);
    unsigned answers = (unsigned)(state >> (MEAN_BITS + VARIANCE_BITS));
    return (struct moments){
        .count = (double)(int)(answers < EXPERIENCE_MEMORY ? answers : EXPERIENCE_MEMORY),
        .answers = answers,
        .mean = (double)whole * (1 / MEAN_SCALE),
        .variance = (double)(int64_t)(state & VARIANCE_MASK) * (1 / VARIANCE_SCALE),
    };
}

static void moments_add(struct moments *moments, double value)
{
    double count = moments->count < EXPERIENCE_MEMORY ? moments->count + 1 : EXPERIENCE_MEMORY;
    double away = value - moments->mean;
    moments->answers = moments->answers + 1 < COUNT_WRAP ? moments->answers + 1 : EXPERIENCE_MEMORY;
    moments->count = count;
    moments->mean += away / count;
    moments->variance = (moments->variance + away * away / count) * (1 - 1 / count);
}

static bool is_due(const struct moments *moments)
{
    return moments->answers < PUBLISH_ALWAYS || moments->answers % PUBLISH_EVERY == 0;
}

static struct moments cell_moments(const struct experience_cell *cell)
{
    return moments_of(GET(cell->state));
}

static struct moments cell_note(struct experience_cell *cell, double value)
{
    uint_fast64_t state = GET(cell->state);
    struct moments moments;
    do {
        moments = moments_of(state);
        moments_add(&moments, value);
    } while (!atomic_compare_exchange_weak_explicit(&cell->state, &state, moments_pack(&moments),
                                                    memory_order_relaxed, memory_order_relaxed));
    return moments;
}

/* --- what is published of it: 8 bits of weight, twice 28 bits of a factor --- */

#define FACTOR_BITS 28
#define FACTOR_MASK ((UINT64_C(1) << FACTOR_BITS) - 1)
#define WEIGHT_ALL 255u
#define RATIO_SHIFT 16 /* of factors that are ratios: up to 4096 */
#define TOKEN_SHIFT 4  /* of those that are tokens: up to 16 million */

/* Twice a power of 2, to one part in 100 million; |log| < 1,000. The nearest whole number becomes
 * the exponent, what is left of it a series. */
typedef double pair __attribute__((vector_size(16)));
typedef int64_t integers __attribute__((vector_size(16)));

static inline void exp2_pair(pair *logs)
{
    const double shifter = 0x1.8p52; /* beside it there is room for no fraction */
    pair shifted = *logs + shifter;
    pair f = *logs - (shifted - shifter);
    pair p = 1.5252733804e-5 * f + 1.5403530393e-4;
    p = p * f + 1.3333558146e-3;
    p = p * f + 9.6181291076e-3;
    p = p * f + 5.5504108665e-2;
    p = p * f + 2.4022650696e-1;
    p = p * f + 6.9314718056e-1;
    p = p * f + 1.0;
    *logs = (pair)((integers)p + ((integers)shifted << 52));
}

static uint64_t factor_pack(double factor, unsigned shift)
{
    double scaled = factor * (double)(INT64_C(1) << shift) + 0.5;
    return scaled < (double)FACTOR_MASK ? (uint64_t)(int64_t)scaled : FACTOR_MASK;
}

/* Factors from logarithms of the mean and the 90th percentile, less `less`. */
static inline void publish(struct experience_cell *cell, double count, double mean, double high,
                           double less, unsigned shift)
{
    pair factors = {mean, high};
    exp2_pair(&factors);
    factors -= less;
    uint64_t weight = (uint64_t)(int64_t)(WEIGHT_ALL * count / (count + PRIOR_WEIGHT) + 0.5);
    SET(cell->factors, weight << (2 * FACTOR_BITS) | factor_pack(factors[0], shift) << FACTOR_BITS |
                           factor_pack(factors[1], shift));
}

/* Of few answers the variance says little. */
static double steady_variance(const struct moments *moments, double prior)
{
    return (moments->variance * moments->count + prior * PRIOR_VARIANCE_COUNT) /
           (moments->count + PRIOR_VARIANCE_COUNT);
}

/* `all` leans the few answers of a task to what the target does elsewhere. Against the table they
 * weigh what all together weigh, so a first answer to a task does not bring the table back. */
static void publish_output(struct experience_cell *cell, const struct moments *own,
                           const struct moments *all)
{
    if (all->count < EXPERIENCE_LEAST) {
        return;
    }
    double others = all->count > own->count ? all->count - own->count : 0;
    double lent = others < PRIOR_WEIGHT ? others : PRIOR_WEIGHT;
    double count = own->count + lent;
    double mean = (own->mean * own->count + all->mean * lent) / count;
    double variance = steady_variance(own, PRIOR_VARIANCE);
    publish(cell, count > all->count ? count : all->count, mean + HALF_LN2 * variance,
            mean + SIGMAS_90 * sqrt(variance), 0, RATIO_SHIFT);
}

static void publish_thinking(struct experience_cell *cell, const struct moments *own)
{
    if (own->count < EXPERIENCE_LEAST) {
        return;
    }
    publish(cell, own->count, own->mean + HALF_LN2 * own->variance,
            own->mean + SIGMAS_90 * sqrt(own->variance), 1, TOKEN_SHIFT);
}

static void publish_input(struct experience_cell *cell, const struct moments *own)
{
    if (own->count < EXPERIENCE_LEAST) {
        return;
    }
    double variance = steady_variance(own, PRIOR_VARIANCE_INPUT);
    publish(cell, own->count, own->mean, own->mean + SIGMAS_INPUT * sqrt(variance), 0, RATIO_SHIFT);
}

/* --- noting --- */

static void cell_init(struct experience_cell *cell)
{
    atomic_init(&cell->state, 0);
    atomic_init(&cell->factors, 0);
}

void experience_init(struct experience *experience)
{
    for (size_t i = 0; i < TASK_COUNT; i++) {
        cell_init(&experience->output[i]);
    }
    cell_init(&experience->outputs);
    cell_init(&experience->thinking[0]);
    cell_init(&experience->thinking[1]);
    cell_init(&experience->input);
}

static double clamp(double value, double most)
{
    return value > most ? most : value < -most ? -most : value;
}

static int milli_ratio(int64_t actual, int64_t expected, double most)
{
    return (int)nearest(clamp(log2((double)actual / (double)expected), most) * 1000);
}

void experience_logs(const struct experience_request *request,
                     const struct experience_answer *answer, struct experience_logs *ret_logs)
{
    int64_t reasoning = answer->reasoning > 0 ? answer->reasoning : 0;
    int64_t visible = answer->output > reasoning ? answer->output - reasoning : 0;
    *ret_logs = (struct experience_logs){0};
    if (visible > 0 && request->output > 0) {
        ret_logs->output = milli_ratio(visible, request->output, RATIO_MAX);
        /* an answer that was cut says that it is at least so long */
        ret_logs->has_output = !answer->cut || ret_logs->output > 0;
    }
    if (answer->output > 0 && !answer->cut) {
        ret_logs->has_thinking = true;
        ret_logs->thinking =
            reasoning == 0 ? 0 : (int)nearest(clamp(log2((double)reasoning + 1), LOG_MAX) * 1000);
    }
    if (request->plain && answer->input > 0 && request->input >= INPUT_LEAST) {
        ret_logs->has_input = true;
        ret_logs->input = milli_ratio(answer->input, request->input, RATIO_INPUT_MAX);
    }
}

void experience_note(struct experience *experience, const struct experience_request *request,
                     const struct experience_logs *logs)
{
    if (logs->has_output && (unsigned)request->task < TASK_COUNT) {
        double value = logs->output / 1000.0;
        struct moments all = cell_note(&experience->outputs, value);
        struct moments own = cell_note(&experience->output[request->task], value);
        if (is_due(&own)) {
            publish_output(&experience->output[request->task], &own, &all);
        }
        if (is_due(&all)) {
            publish_output(&experience->outputs, &all, &all);
        }
    }
    if (logs->has_thinking) {
        struct experience_cell *cell = &experience->thinking[request->thinks];
        struct moments own = cell_note(cell, logs->thinking / 1000.0);
        if (is_due(&own)) {
            publish_thinking(cell, &own);
        }
    }
    if (logs->has_input) {
        struct moments own = cell_note(&experience->input, logs->input / 1000.0);
        if (is_due(&own)) {
            publish_input(&experience->input, &own);
        }
    }
}

/* --- forecasting --- */

#define TOKENS_SANE_MAX (INT64_C(1) << 32) /* times a factor this stays below 2^63 */

static uint64_t sane(int64_t tokens)
{
    return tokens < 0 ? 0 : tokens > TOKENS_SANE_MAX ? (uint64_t)TOKENS_SANE_MAX : (uint64_t)tokens;
}

/* The table's word and the learned one, by the weight of each. */
static int64_t blend(uint64_t table, uint64_t learned, uint64_t weight)
{
    return (int64_t)((table * (WEIGHT_ALL - weight) + learned * weight) / WEIGHT_ALL);
}

static void forecast_output(const struct experience *experience,
                            const struct experience_request *request, struct forecast *forecast)
{
    uint64_t factors = GET(experience->output[request->task].factors);
    factors = factors != 0 ? factors : GET(experience->outputs.factors);
    uint64_t weight = factors >> (2 * FACTOR_BITS);
    uint64_t table = sane(request->output);
    uint64_t mean = table * (factors >> FACTOR_BITS & FACTOR_MASK) >> RATIO_SHIFT;
    uint64_t high = table * (factors & FACTOR_MASK) >> RATIO_SHIFT;
    if (factors != 0) {
        forecast->output = blend(table, mean, weight);
        forecast->output_high = blend(sane(request->output_high), high, weight);
    }
}

static void forecast_thinking(const struct experience *experience,
                              const struct experience_request *request, struct forecast *forecast)
{
    uint64_t factors = GET(experience->thinking[request->thinks].factors);
    uint64_t weight = factors >> (2 * FACTOR_BITS);
    if (factors == 0) {
        return;
    }
    forecast->thinking = blend(0, (factors >> FACTOR_BITS & FACTOR_MASK) >> TOKEN_SHIFT, weight);
    forecast->output += forecast->thinking;
    forecast->output_high += blend(0, (factors & FACTOR_MASK) >> TOKEN_SHIFT, weight);
}

static void forecast_input(const struct experience *experience,
                           const struct experience_request *request, struct forecast *forecast)
{
    uint64_t factors = GET(experience->input.factors);
    uint64_t weight = factors >> (2 * FACTOR_BITS);
    uint64_t estimate = sane(request->input);
    if (factors != 0) {
        forecast->input = blend(
            estimate, estimate * (factors >> FACTOR_BITS & FACTOR_MASK) >> RATIO_SHIFT, weight);
        forecast->input_high = blend(sane(forecast->input_high),
                                     estimate * (factors & FACTOR_MASK) >> RATIO_SHIFT, weight);
    }
}

void experience_forecast(const struct experience *experience,
                         const struct experience_request *request, struct forecast *ret_forecast)
{
    *ret_forecast = (struct forecast){
        .input = request->input,
        .input_high = request->input,
        .output = request->output,
        .output_high = request->output_high,
    };
    if (experience != NULL) {
        forecast_output(experience, request, ret_forecast);
        forecast_thinking(experience, request, ret_forecast);
        forecast_input(experience, request, ret_forecast);
    }
}

unsigned experience_count(const struct experience *experience, enum task task)
{
    return experience == NULL ? 0 : (unsigned)cell_moments(&experience->output[task]).count;
}

/* --- seeding --- */

static struct moments moments_make(double count, double mean, double variance)
{
    count = fmin(count, EXPERIENCE_MEMORY);
    return (struct moments){
        .count = count, .mean = mean, .variance = variance, .answers = (unsigned)count};
}

static struct moments moments_of_sums(const struct experience_sums *sums)
{
    double count = (double)sums->count;
    double mean = (double)sums->sum / count / 1000.0;
    double square = (double)sums->squares / count / 1e6;
    double variance = fmax(square - mean * mean, 0);
    return moments_make(count, mean, variance);
}

/* Both together, as one would have become. */
static struct moments moments_join(const struct moments *a, const struct moments *b)
{
    double count = a->count + b->count;
    double mean = (a->mean * a->count + b->mean * b->count) / count;
    double away = a->mean - b->mean;
    double variance = (a->variance * a->count + b->variance * b->count) / count +
                      away * away * a->count * b->count / (count * count);
    return moments_make(count, mean, variance);
}

static struct moments cell_seed(struct experience_cell *cell, const struct experience_sums *sums)
{
    struct moments more = moments_of_sums(sums);
    struct moments have = cell_moments(cell);
    struct moments both = have.count > 0 ? moments_join(&have, &more) : more;
    SET(cell->state, moments_pack(&both));
    return both;
}

void experience_seed(struct experience *experience, enum experience_kind kind, enum task task,
                     bool thinks, const struct experience_sums *sums)
{
    struct moments own;
    struct moments all;
    if (sums->count <= 0 || (unsigned)task >= TASK_COUNT) {
        return;
    }
    switch (kind) {
    case EXPERIENCE_OUTPUT:
        all = cell_seed(&experience->outputs, sums);
        own = cell_seed(&experience->output[task], sums);
        publish_output(&experience->output[task], &own, &all);
        publish_output(&experience->outputs, &all, &all);
        break;
    case EXPERIENCE_THINKING:
        own = cell_seed(&experience->thinking[thinks], sums);
        publish_thinking(&experience->thinking[thinks], &own);
        break;
    case EXPERIENCE_INPUT:
        own = cell_seed(&experience->input, sums);
        publish_input(&experience->input, &own);
        break;
    }
}
