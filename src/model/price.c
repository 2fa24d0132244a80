/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The price of an attempt. The one hard idea: the tokens of a side are partitioned, so that each is
 * charged exactly once. The input splits into cache reads, cache writes (5 minutes, 1 hour), audio,
 * images and the plain rest; the output into audio, images, reasoning and the plain rest. Where
 * reports contradict (parts that exceed their whole), the larger count is charged, never the
 * smaller: a cap must hold. Tokens that are cached and audio or of an image are charged as cached
 * ones.
 */
#include "model/price.h"

#include "base/number.h"

#include <endian.h>
#include <string.h>

#define PD_PER_ND 1000u
#define MONEY_DECIMALS_MIN 2
#define MONEY_DECIMALS_MAX 9

__extension__ typedef unsigned __int128 wide;

static int64_t at_least_zero(int64_t value)
{
    return value < 0 ? 0 : value;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t rate_or(int64_t rate, int64_t fallback)
{
    return rate >= 0 ? rate : at_least_zero(fallback);
}

/* Takes up to `wanted` of what is left and returns how many those are. */
static int64_t take(int64_t *left, int64_t wanted)
{
    int64_t taken = smaller(*left, at_least_zero(wanted));
    *left -= taken;
    return taken;
}

static wide charge(int64_t tokens, int64_t rate)
{
    return (wide)(uint64_t)tokens * (uint64_t)rate;
}

static int64_t input_total(const struct usage *usage)
{
    int64_t cached =
        money_add(usage->cache_read, money_add(usage->cache_write, usage->cache_write_1h));
    return larger(at_least_zero(usage->input), cached);
}

const char *price_part_name(enum price_part part)
{
    static const char *const names[PRICE_PARTS] = {
        [PRICE_INPUT] = "input",
        [PRICE_CACHE_READ] = "cache_read",
        [PRICE_CACHE_WRITE] = "cache_write",
        [PRICE_CACHE_WRITE_1H] = "cache_write_1h",
        [PRICE_AUDIO_INPUT] = "audio_input",
        [PRICE_IMAGE_INPUT] = "image_input",
        [PRICE_OUTPUT] = "output",
        [PRICE_REASONING] = "reasoning",
        [PRICE_AUDIO_OUTPUT] = "audio_output",
        [PRICE_IMAGE_OUTPUT] = "image_output",
        [PRICE_REQUEST] = "request",
    };
    return (unsigned)part < PRICE_PARTS ? names[part] : "unknown";
}

static struct price_line *add_line(struct price_line *line, enum price_part part, int64_t count,
                                   int64_t rate_pd)
{
    if (count <= 0) {
        return line;
    }
    wide amount = charge(count, rate_pd);
    *line = (struct price_line){
        .part = part,
        .count = count,
        .rate_pd = rate_pd,
        .amount_pd = amount > INT64_MAX ? INT64_MAX : (int64_t)amount,
    };
    return line + 1;
}

static struct price_line *add_input(struct price_line *line, const struct price_rates *rates,
                                    const struct usage *usage, int64_t left)
{
    int64_t write_rate = rate_or(rates->cache_write, rates->input);
    line = add_line(line, PRICE_CACHE_READ, take(&left, usage->cache_read),
                    rate_or(rates->cache_read, rates->input));
    line = add_line(line, PRICE_CACHE_WRITE, take(&left, usage->cache_write), write_rate);
    line = add_line(line, PRICE_CACHE_WRITE_1H, take(&left, usage->cache_write_1h),
                    rate_or(rates->cache_write_1h, write_rate));
    line = add_line(line, PRICE_AUDIO_INPUT, take(&left, usage->audio_input),
                    rate_or(rates->audio_input, rates->input));
    line = add_line(line, PRICE_IMAGE_INPUT, take(&left, usage->image_input),
                    rate_or(rates->image_input, rates->input));
    return add_line(line, PRICE_INPUT, left, at_least_zero(rates->input));
}

static struct price_line *add_output(struct price_line *line, const struct price_rates *rates,
                                     const struct usage *usage)
{
    int64_t media = money_add(usage->audio_output, usage->image_output);
    int64_t left = larger(at_least_zero(usage->output), larger(usage->reasoning, media));
    line = add_line(line, PRICE_AUDIO_OUTPUT, take(&left, usage->audio_output),
                    rate_or(rates->audio_output, rates->output));
    line = add_line(line, PRICE_IMAGE_OUTPUT, take(&left, usage->image_output),
                    rate_or(rates->image_output, rates->output));
    if (rates->reasoning >= 0) {
        line = add_line(line, PRICE_REASONING, take(&left, usage->reasoning), rates->reasoning);
    }
    return add_line(line, PRICE_OUTPUT, left, at_least_zero(rates->output));
}

const struct price_rates *price_rates_for(const struct price *price, int64_t input_tokens)
{
    const struct price_rates *rates = &price->base;
    for (size_t i = 0; i < price->tier_count && i < PRICE_TIERS_MAX; i++) {
        if (input_tokens > price->tiers[i].above_input) {
            rates = &price->tiers[i].rates;
        }
    }
    return rates;
}

/* Nothing but plain tokens, as in what planning asks for, many times. */
static bool is_plain(const struct usage *usage)
{
    int64_t parts = usage->cache_read | usage->cache_write | usage->cache_write_1h |
                    usage->audio_input | usage->audio_output | usage->reasoning |
                    usage->image_input | usage->image_output;
    return parts == 0 && (usage->input | usage->output) >= 0;
}

static size_t token_lines(const struct price *price, const struct usage *usage,
                          struct price_line *lines)
{
    int64_t input = input_total(usage);
    const struct price_rates *rates = price_rates_for(price, input);
    return (size_t)(add_output(add_input(lines, rates, usage, input), rates, usage) - lines);
}

static wide charge_all(const struct price *price, const struct usage *usage)
{
    if (is_plain(usage)) {
        const struct price_rates *rates = price_rates_for(price, usage->input);
        return charge(usage->input, at_least_zero(rates->input)) +
               charge(usage->output, at_least_zero(rates->output));
    }
    struct price_line lines[PRICE_PARTS];
    size_t count = token_lines(price, usage, lines);
    wide sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += charge(lines[i].count, lines[i].rate_pd);
    }
    return sum;
}

int64_t price_cost(const struct price *price, const struct usage *usage)
{
    if (!price->known) {
        return 0;
    }
    /* Two sides of at most 2^63 tokens at 2^63 each, and a small rest: below 2^128. */
    wide sum = charge_all(price, usage);
    sum += (wide)(uint64_t)at_least_zero(price->per_request_nd) * PD_PER_ND;
    if (sum <= UINT64_MAX - PD_PER_ND) {
        /* up to 18 million dollars: a division of 64 bits is ten times cheaper */
        return (int64_t)(((uint64_t)sum + PD_PER_ND - 1) / PD_PER_ND);
    }
    wide nano = (sum + PD_PER_ND - 1) / PD_PER_ND;
    return nano > INT64_MAX ? INT64_MAX : (int64_t)nano;
}

size_t price_lines(const struct price *price, const struct usage *usage,
                   struct price_line ret_lines[PRICE_PARTS])
{
    if (!price->known) {
        return 0;
    }
    size_t count = token_lines(price, usage, ret_lines);
    if (price->per_request_nd <= 0) {
        return count;
    }
    int64_t most = INT64_MAX / (int64_t)PD_PER_ND;
    int64_t rate = smaller(price->per_request_nd, most) * (int64_t)PD_PER_ND;
    return (size_t)(add_line(&ret_lines[count], PRICE_REQUEST, 1, rate) - ret_lines);
}

static int64_t rate_if(unsigned media, enum price_part part, int64_t rate)
{
    return (media & PRICE_MEDIA(part)) != 0 ? rate : 0;
}

static wide bound_of(const struct price_rates *rates, int64_t input, int64_t output, unsigned media)
{
    int64_t in = larger(rates->input, rates->cache_read);
    int64_t out = larger(rates->output, rates->reasoning);
    out = larger(out, rate_if(media, PRICE_AUDIO_OUTPUT, rates->audio_output));
    out = larger(out, rate_if(media, PRICE_IMAGE_OUTPUT, rates->image_output));
    in = larger(in, larger(rates->cache_write, rates->cache_write_1h));
    in = larger(in, rate_if(media, PRICE_AUDIO_INPUT, rates->audio_input));
    in = larger(in, rate_if(media, PRICE_IMAGE_INPUT, rates->image_input));
    return charge(at_least_zero(input), at_least_zero(in)) +
           charge(at_least_zero(output), at_least_zero(out));
}

int64_t price_bound(const struct price *price, int64_t input, int64_t output, unsigned media)
{
    if (!price->known) {
        return 0;
    }
    wide most = bound_of(&price->base, input, output, media);
    for (size_t i = 0; i < price->tier_count && i < PRICE_TIERS_MAX; i++) {
        if (input > price->tiers[i].above_input) {
            wide tier = bound_of(&price->tiers[i].rates, input, output, media);
            most = tier > most ? tier : most;
        }
    }
    most += (wide)(uint64_t)at_least_zero(price->per_request_nd) * PD_PER_ND;
    wide nano = (most + PD_PER_ND - 1) / PD_PER_ND;
    return nano > INT64_MAX ? INT64_MAX : (int64_t)nano;
}

static bool rates_are_zero(const struct price_rates *rates)
{
    return rates->input <= 0 && rates->output <= 0 && rates->cache_read <= 0 &&
           rates->cache_write <= 0 && rates->cache_write_1h <= 0 && rates->audio_input <= 0 &&
           rates->audio_output <= 0 && rates->reasoning <= 0 && rates->image_input <= 0 &&
           rates->image_output <= 0;
}

bool price_is_free(const struct price *price)
{
    if (!price->known || price->per_request_nd > 0 || !rates_are_zero(&price->base)) {
        return false;
    }
    for (size_t i = 0; i < price->tier_count && i < PRICE_TIERS_MAX; i++) {
        if (!rates_are_zero(&price->tiers[i].rates)) {
            return false;
        }
    }
    return true;
}

int64_t money_add(int64_t a, int64_t b)
{
    a = at_least_zero(a);
    b = at_least_zero(b);
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* The eight digits of a number below 10^8, the first one in the lowest byte, none with its '0': all
   divisions by 100 at once, then all by 10 (each quotient by a multiplication that is exact up to
   what can be there). */
static uint64_t eight_digits(uint32_t number)
{
    uint64_t halves = number / 10000 | (uint64_t)(number % 10000) << 32;
    uint64_t hundreds = halves * 10486 >> 20 & 0x0000007F0000007F;
    uint64_t pairs = hundreds | (halves - 100 * hundreds) << 16;
    uint64_t tens = pairs * 103 >> 10 & 0x000F000F000F000F;
    return tens | (pairs - 10 * tens) << 8;
}

_Static_assert(1 + NUMBER_DIGITS_MAX + 1 + MONEY_DECIMALS_MAX == MONEY_TEXT_MAX, "all of it fits");

size_t money_put(int64_t nd, char *out)
{
    uint64_t amount = nd < 0 ? 0 - (uint64_t)nd : (uint64_t)nd;
    uint64_t whole = amount / (uint64_t)MONEY_ND_PER_USD;
    uint32_t fraction = (uint32_t)(amount % (uint64_t)MONEY_ND_PER_USD);
    char *at = out;
    if (nd < 0) {
        *at++ = '-';
    }
    if (LIKELY(whole < 10)) {
        *at++ = (char)('0' + whole);
    } else {
        at += number_format(whole, at);
    }
    *at++ = '.';
    *at++ = (char)('0' + fraction / 100000000);
    uint64_t rest = eight_digits(fraction % 100000000);
    uint64_t text = htole64(rest + 0x3030303030303030);
    memcpy(at, &text, sizeof(text));
    size_t zeros = rest == 0 ? sizeof(text) : (size_t)__builtin_clzll(rest) / 8;
    size_t most = MONEY_DECIMALS_MAX - MONEY_DECIMALS_MIN;
    return (size_t)(at - out) + sizeof(text) - (zeros < most ? zeros : most);
}

bool money_format(struct buf *out, int64_t nd)
{
    char text[MONEY_TEXT_MAX];
    return buf_append(out, slice_of(text, money_put(nd, text)));
}
