/* Hashing, registers and the estimate of HyperLogLogs. Changing strings is in hyperloglog_edit.c.
 */
#include "structures/hyperloglog.h"

#include "base/assert.h"
#include "structures/hyperloglog_internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { INDEX_BITS = 14, RANK_BITS = 50, GROUP_REGISTERS = 8, GROUP_SIZE = 6 };

_Static_assert(HLL_REGISTERS == 1 << INDEX_BITS, "an index takes 14 bits of the hash");
_Static_assert(HLL_RANK_MAX == RANK_BITS + 1, "the longest run of zeroes, and one");

/* -- the header -- */

bool hll_recognize(struct bytes string)
{
    if (string.size < HLL_HEADER_SIZE || memcmp(string.data, "HYLL", 4) != 0)
        return false;
    uint8_t encoding = (uint8_t)string.data[4];
    return encoding == HLL_SPARSE || (encoding == HLL_DENSE && string.size == HLL_DENSE_SIZE);
}

enum hll_encoding hll_encoding(struct bytes string)
{
    return string.data[4] == HLL_DENSE ? HLL_DENSE : HLL_SPARSE;
}

struct bytes hll_empty(void)
{
    static const char empty[HLL_EMPTY_SIZE] = {
        'H', 'Y', 'L', 'L', HLL_SPARSE, [HLL_HEADER_SIZE] = 0x7f, (char)0xff};
    return bytes_of(empty, sizeof(empty));
}

bool hll_cached(struct bytes string, uint64_t *estimate)
{
    memcpy(estimate, string.data + 8, sizeof(*estimate));
    return !(*estimate >> 63);
}

void hll_cache(char *string, uint64_t estimate)
{
    memcpy(string + 8, &estimate, sizeof(estimate));
}

void hll_forget_cached(char *string)
{
    string[15] = (char)(string[15] | 0x80);
}

/* -- the hash: MurmurHash64A (Austin Appleby) with Redis's seed -- */

static uint64_t murmur64a(const char *data, size_t size)
{
    enum { SEED_VALUE = (int)0xadc83b19, SHIFT = 47 };
    static const uint64_t factor = 0xc6a4a7935bd1e995;
    uint64_t hash = (uint64_t)(uint32_t)SEED_VALUE ^ (size * factor);
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, 8);
        word *= factor;
        word ^= word >> SHIFT;
        hash = (hash ^ word * factor) * factor;
    }
    if (i < size) {
        uint64_t rest = 0;
        memcpy(&rest, data + i, size - i);
        hash = (hash ^ rest) * factor;
    }
    hash ^= hash >> SHIFT;
    hash *= factor;
    return hash ^ hash >> SHIFT;
}

struct hll_hit hll_hit_of(struct bytes element)
{
    uint64_t hash = murmur64a(element.data, element.size);
    /* The bit above the last makes sure that one is found. */
    uint64_t rest = hash >> INDEX_BITS | (uint64_t)1 << RANK_BITS;
    return (struct hll_hit){.index = (uint32_t)(hash & (HLL_REGISTERS - 1)),
                            .rank = (uint8_t)(__builtin_ctzll(rest) + 1)};
}

/* -- dense registers: eight of them are 48 bits -- */

static uint64_t load_group(const char *at)
{
    uint32_t low;
    uint16_t high;
    memcpy(&low, at, sizeof(low));
    memcpy(&high, at + sizeof(low), sizeof(high));
    return (uint64_t)high << 32 | low;
}

/* 48 bits to eight bytes, the first register lowest. */
static uint64_t spread(uint64_t group)
{
    group = (group & 0xffffff) | (group & 0xffffff000000) << 8;
    group = (group & 0x00000fff00000fff) | (group & 0x00fff00000fff000) << 4;
    return (group & 0x003f003f003f003f) | (group & 0x0fc00fc00fc00fc0) << 2;
}

static uint64_t gather(uint64_t bytes)
{
    bytes = (bytes & 0x003f003f003f003f) | (bytes & 0x3f003f003f003f00) >> 2;
    bytes = (bytes & 0x00000fff00000fff) | (bytes & 0x0fff00000fff0000) >> 4;
    return (bytes & 0xffffff) | (bytes & 0xffffff00000000) >> 8;
}

unsigned hll_dense_get(const char *dense, uint32_t index)
{
    assert(index < HLL_REGISTERS);
    uint64_t group = load_group(dense + index / GROUP_REGISTERS * GROUP_SIZE);
    return (unsigned)(group >> index % GROUP_REGISTERS * 6) & 63;
}

bool hll_dense_raise(char *dense, struct hll_hit hit)
{
    assert(hit.index < HLL_REGISTERS && hit.rank <= HLL_RANK_MAX);
    char *at = dense + hit.index / GROUP_REGISTERS * GROUP_SIZE;
    unsigned shift = hit.index % GROUP_REGISTERS * 6;
    uint64_t group = load_group(at);
    if ((group >> shift & 63) >= hit.rank)
        return false;
    group = (group & ~((uint64_t)63 << shift)) | (uint64_t)hit.rank << shift;
    memcpy(at, &group, GROUP_SIZE);
    return true;
}

void hll_dense_write(char *dense, const uint8_t registers[HLL_REGISTERS])
{
    for (size_t i = 0; i < HLL_REGISTERS / GROUP_REGISTERS; i++) {
        uint64_t bytes;
        memcpy(&bytes, registers + i * GROUP_REGISTERS, sizeof(bytes));
        uint64_t group = gather(bytes);
        memcpy(dense + i * GROUP_SIZE, &group, GROUP_SIZE);
    }
}

/* -- merging -- */

static void merge_dense(uint8_t *restrict registers, const char *dense)
{
    enum { BATCH = 512 };
    uint8_t batch[BATCH];
    for (size_t base = 0; base < HLL_REGISTERS; base += BATCH) {
        for (size_t i = 0; i < BATCH / GROUP_REGISTERS; i++) {
            uint64_t bytes = spread(load_group(dense + (base / GROUP_REGISTERS + i) * GROUP_SIZE));
            memcpy(batch + i * GROUP_REGISTERS, &bytes, sizeof(bytes));
        }
        uint8_t *to = registers + base;
        for (size_t i = 0; i < BATCH; i++)
            to[i] = batch[i] > to[i] ? batch[i] : to[i];
    }
}

static bool merge_sparse(uint8_t *registers, struct bytes string)
{
    struct hll_run run;
    uint32_t index = 0;
    for (size_t at = HLL_HEADER_SIZE; at < string.size; at += run.size) {
        if (!hll_run_at(string, at, &run) || run.length > HLL_REGISTERS - index)
            return false;
        if (run.value)
            for (uint32_t i = index; i < index + run.length; i++)
                registers[i] = run.value > registers[i] ? run.value : registers[i];
        index += run.length;
    }
    return index == HLL_REGISTERS;
}

bool hll_merge(uint8_t registers[HLL_REGISTERS], struct bytes string)
{
    if (hll_encoding(string) == HLL_SPARSE)
        return merge_sparse(registers, string);
    merge_dense(registers, string.data + HLL_HEADER_SIZE);
    return true;
}

/* -- the estimate: Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches",
 * arXiv:1702.01284. The sums are done in this order, so that results are Redis's. -- */

/* How many registers have each value. */
struct histogram {
    uint32_t counts[64];
};

/* How many pairs of registers have each pair of values: half as many additions, and neighbours that
 * do not wait for each other as long as they differ. */
struct pair_histogram {
    uint16_t counts[64 * 64];
    uint32_t empty_groups;
};

_Static_assert(HLL_REGISTERS / 2 <= UINT16_MAX, "all pairs may be the same");

static inline void count_group(struct pair_histogram *pairs, uint64_t group)
{
    if (group == 0) {
        pairs->empty_groups++;
        return;
    }
    pairs->counts[group & 4095]++;
    pairs->counts[group >> 12 & 4095]++;
    pairs->counts[group >> 24 & 4095]++;
    pairs->counts[group >> 36]++;
}

static void count_pairs(struct histogram *histogram, const struct pair_histogram *pairs)
{
    enum { STEP = sizeof(uint64_t) / sizeof(uint16_t) };
    for (size_t i = 0; i < 64 * 64; i += STEP) {
        uint64_t four;
        memcpy(&four, &pairs->counts[i], sizeof(four));
        if (four == 0)
            continue;
        for (size_t k = i; k < i + STEP; k++) {
            histogram->counts[k & 63] += pairs->counts[k];
            histogram->counts[k >> 6] += pairs->counts[k];
        }
    }
    histogram->counts[0] += pairs->empty_groups * GROUP_REGISTERS;
}

static bool count_sparse(struct histogram *histogram, struct bytes string)
{
    struct hll_run run;
    uint32_t index = 0;
    for (size_t at = HLL_HEADER_SIZE; at < string.size; at += run.size) {
        if (!hll_run_at(string, at, &run) || run.length > HLL_REGISTERS - index)
            return false;
        histogram->counts[run.value] += run.length;
        index += run.length;
    }
    return index == HLL_REGISTERS;
}

static double sigma(double x)
{
    if (x == 1.)
        return INFINITY;
    double weight = 1;
    double sum = x;
    double before;
    do {
        x *= x;
        before = sum;
        sum += x * weight;
        weight += weight;
    } while (before != sum);
    return sum;
}

static double tau(double x)
{
    if (x == 0. || x == 1.)
        return 0.;
    double weight = 1.0;
    double sum = 1 - x;
    double before;
    do {
        x = sqrt(x);
        before = sum;
        weight *= 0.5;
        sum -= pow(1 - x, 2) * weight;
    } while (before != sum);
    return sum / 3;
}

static uint64_t estimate_of(const struct histogram *histogram)
{
    static const double half_of_inverse_log2 = 0.721347520444481703680;
    double counts[HLL_RANK_MAX + 1];
    for (size_t i = 0; i <= HLL_RANK_MAX; i++)
        counts[i] = (double)histogram->counts[i];
    double m = HLL_REGISTERS;
    double z = m * tau((m - counts[HLL_RANK_MAX]) / m);
    for (size_t i = RANK_BITS; i >= 1; i--) {
        z += counts[i];
        z *= 0.5;
    }
    z += m * sigma(counts[0] / m);
    return (uint64_t)llroundl((long double)(half_of_inverse_log2 * m * m / z));
}

bool hll_estimate(struct bytes string, uint64_t *estimate)
{
    struct histogram histogram = {0};
    if (hll_encoding(string) == HLL_SPARSE) {
        if (!count_sparse(&histogram, string))
            return false;
    } else {
        struct pair_histogram pairs = {0};
        const char *dense = string.data + HLL_HEADER_SIZE;
        for (size_t i = 0; i < HLL_REGISTERS / GROUP_REGISTERS; i++)
            count_group(&pairs, load_group(dense + i * GROUP_SIZE));
        count_pairs(&histogram, &pairs);
    }
    *estimate = estimate_of(&histogram);
    return true;
}

uint64_t hll_estimate_registers(const uint8_t registers[HLL_REGISTERS])
{
    struct histogram histogram = {0};
    struct pair_histogram pairs = {0};
    for (size_t i = 0; i < HLL_REGISTERS; i += GROUP_REGISTERS) {
        uint64_t bytes;
        memcpy(&bytes, registers + i, sizeof(bytes));
        count_group(&pairs, gather(bytes));
    }
    count_pairs(&histogram, &pairs);
    return estimate_of(&histogram);
}

/* -- showing -- */

bool hll_decode(struct bytes string, struct buffer *text)
{
    struct hll_run run;
    uint32_t index = 0;
    for (size_t at = HLL_HEADER_SIZE; at < string.size; at += run.size) {
        char part[32];
        if (!hll_run_at(string, at, &run) || run.length > HLL_REGISTERS - index)
            return false;
        const char *space = index ? " " : "";
        int size = run.value ? snprintf(part, sizeof(part), "%sv:%u,%u", space, run.value,
                                        (unsigned)run.length)
                             : snprintf(part, sizeof(part), "%s%c:%u", space,
                                        run.size == 2 ? 'Z' : 'z', (unsigned)run.length);
        if (buffer_append(text, part, (size_t)size) != 0)
            return false;
        index += run.length;
    }
    return index == HLL_REGISTERS;
}

/* -- PFSELFTEST -- */

static const char *test_registers(char *string)
{
    uint8_t model[HLL_REGISTERS] = {0};
    uint64_t state = 88172645463325252;
    for (int i = 0; i < 4 * HLL_REGISTERS; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        struct hll_hit hit = {(uint32_t)(state % HLL_REGISTERS), (uint8_t)(state >> 40) % 51 + 1};
        if (hll_dense_raise(string + HLL_HEADER_SIZE, hit) != (model[hit.index] < hit.rank))
            return "a register was raised that should not be, or the other way round";
        model[hit.index] = hit.rank > model[hit.index] ? hit.rank : model[hit.index];
        if (hll_dense_get(string + HLL_HEADER_SIZE, hit.index) != model[hit.index])
            return "a register does not hold what was written";
    }
    uint8_t merged[HLL_REGISTERS] = {0};
    if (!hll_merge(merged, bytes_of(string, HLL_DENSE_SIZE)) ||
        memcmp(merged, model, sizeof(model)) != 0)
        return "registers are not merged as written";
    return NULL;
}

static const char *test_estimate(char *string)
{
    enum { ELEMENTS = 300000 };
    memset(string + HLL_HEADER_SIZE, 0, HLL_DENSE_SIZE - HLL_HEADER_SIZE);
    for (uint64_t i = 1, checked = 10; i <= ELEMENTS; i++) {
        hll_dense_raise(string + HLL_HEADER_SIZE, hll_hit_of(bytes_of(&i, sizeof(i))));
        if (i != checked)
            continue;
        checked *= 3;
        uint64_t estimate;
        hll_estimate(bytes_of(string, HLL_DENSE_SIZE), &estimate);
        /* Three times and a half the standard error, and what few elements make of it. */
        double error = fabs((double)estimate - (double)i);
        if (error > 1.04 / 128 * 3.5 * (double)i + 1)
            return "the estimate is off";
    }
    return NULL;
}

const char *hll_self_test(void)
{
    char string[HLL_DENSE_SIZE] = "HYLL";
    const char *error = test_registers(string);
    return error ? error : test_estimate(string);
}
