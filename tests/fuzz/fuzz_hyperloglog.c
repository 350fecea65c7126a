/* Fuzz target of HyperLogLogs from untrusted bytes (libFuzzer's signature): whatever SET may have
 * stored is recognized or not, estimated, merged, decoded, raised and made dense without looking or
 * writing outside of it, and what passes as valid stays valid.
 *
 *   clang: -fsanitize=fuzzer,address -DFUZZ_NO_MAIN; gcc: the main below runs built-in seeds, files
 *   named as arguments, and a number of mutations of each.
 */
#include "base/assert.h"
#include "structures/hyperloglog.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t registers[HLL_REGISTERS];
static struct hll_edit edit;

static bool is_valid(struct bytes string)
{
    memset(registers, 0, sizeof(registers));
    return hll_merge(registers, string);
}

static void read_all(struct bytes string, bool valid)
{
    uint64_t estimate;
    assert(hll_estimate(string, &estimate) == valid);
    if (valid)
        assert(estimate == hll_estimate_registers(registers));
    if (hll_encoding(string) == HLL_DENSE)
        return;
    struct buffer text;
    buffer_init(&text, 1 << 20);
    assert(hll_decode(string, &text) == valid);
    buffer_deinit(&text);
}

/* Raises registers that the bytes choose; a valid string stays one. */
static void raise_some(struct bytes string, bool valid, uint64_t sparse_max, bool in_order)
{
    hll_edit_begin(&edit, string, sparse_max);
    uint32_t index = 0;
    for (size_t i = 0; i < 40; i++) {
        uint8_t byte = (uint8_t)string.data[i * 7 % string.size];
        uint32_t step = byte * (byte & 1 ? 3u : 61u) + 1;
        if (index + step >= HLL_REGISTERS)
            break;
        index += step;
        struct hll_hit hit = {index, (uint8_t)(byte % (byte & 2 ? 4 : HLL_RANK_MAX) + 1)};
        enum hll_change change =
            in_order ? hll_edit_raise_next(&edit, hit) : hll_edit_raise(&edit, hit);
        assert(!valid || change != HLL_CORRUPTED);
        if (change == HLL_CORRUPTED)
            return;
        assert(edit.string.size <= HLL_SPARSE_SIZE_MAX || !edit.is_changed);
    }
    if (valid)
        assert(is_valid(edit.string));
    assert(hll_edit_make_dense(&edit) == is_valid(edit.string));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy of exactly the bytes, so that a sanitizer sees what is outside. */
    char *exact = malloc(size + 1);
    memcpy(exact, data, size);
    exact = realloc(exact, size ? size : 1);
    struct bytes string = bytes_of(exact, size);
    if (hll_recognize(string)) {
        bool valid = is_valid(string);
        read_all(string, valid);
        raise_some(string, valid, 3000, false);
        raise_some(string, valid, 3000, true);
        raise_some(string, valid, (uint64_t)size + 2, true);
        raise_some(string, valid, UINT64_MAX, false);
    }
    free(exact);
    return 0;
}

#ifndef FUZZ_NO_MAIN
static void run_mutated(const char *seed, size_t size, unsigned rounds)
{
    uint8_t *copy = malloc(size + 4);
    for (unsigned i = 0; i < rounds; i++) {
        memcpy(copy, seed, size);
        memset(copy + size, rand(), 4);
        size_t changed = size + (size_t)rand() % 5;
        for (int k = rand() % 6; k > 0; k--)
            copy[16 + (size_t)rand() % (size - 12)] = (uint8_t)rand();
        if (rand() % 4 == 0)
            changed -= (size_t)rand() % (size - 16);
        LLVMFuzzerTestOneInput(copy, changed);
    }
    free(copy);
}

static void run_seed(const char *seed, size_t size, unsigned rounds)
{
    LLVMFuzzerTestOneInput((const uint8_t *)seed, size);
    run_mutated(seed, size, rounds);
}

/* Valid ones of different sizes, made by adding. */
static void run_grown(unsigned elements, unsigned rounds)
{
    static struct hll_edit grown;
    hll_edit_begin(&grown, hll_empty(), 3000);
    for (unsigned i = 0; i < elements; i++)
        hll_edit_raise(&grown, hll_hit_of(bytes_of(&i, sizeof(i))));
    run_seed(grown.string.data, grown.string.size, rounds);
}

int main(int argc, char **argv)
{
    enum { ROUNDS = 2000, FILE_SIZE_MAX = 1 << 20 };
    static const unsigned elements[] = {1, 3, 20, 200, 1000, 5000};
    run_seed(hll_empty().data, hll_empty().size, 5 * ROUNDS);
    for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
        run_grown(elements[i], ROUNDS);
    static char file_data[FILE_SIZE_MAX];
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file)
            continue;
        size_t size = fread(file_data, 1, sizeof(file_data), file);
        fclose(file);
        LLVMFuzzerTestOneInput((const uint8_t *)file_data, size);
        if (size > HLL_HEADER_SIZE)
            run_mutated(file_data, size, 100);
    }
    puts("fuzz_hyperloglog: done");
    return 0;
}
#endif
