/* ranked_tree against a sorted array. */
#include "base/memory.h"
#include "base/random.h"
#include "structures/ranked_tree.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

enum { MODEL_MAX = 8000 };

struct model {
    struct ranked_element *items[MODEL_MAX];
    size_t count;
};

static int order(double score, struct bytes member, const struct ranked_element *element)
{
    if (score != element->score)
        return score < element->score ? -1 : 1;
    return bytes_compare(member, ranked_element_member(element));
}

static size_t model_position(const struct model *model, double score, struct bytes member)
{
    size_t low = 0;
    size_t high = model->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (order(score, member, model->items[middle]) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void model_put(struct model *model, struct ranked_element *element)
{
    size_t at = model_position(model, element->score, ranked_element_member(element));
    memmove(model->items + at + 1, model->items + at, (model->count - at) * sizeof(void *));
    model->items[at] = element;
    model->count++;
}

static void model_take(struct model *model, size_t at)
{
    model->count--;
    memmove(model->items + at, model->items + at + 1, (model->count - at) * sizeof(void *));
}

static void expect_same(const struct ranked_tree *tree, const struct model *model)
{
    ranked_tree_check(tree);
    cr_assert_eq(tree->count, model->count);
    struct ranked_cursor up = ranked_tree_cursor(tree, 0);
    for (size_t i = 0; i < model->count; i++)
        cr_assert_eq(ranked_cursor_next(&up), model->items[i]);
    cr_assert_null(ranked_cursor_next(&up));
    struct ranked_cursor down = ranked_tree_cursor(tree, model->count - 1);
    for (size_t i = model->count; i-- > 0;)
        cr_assert_eq(ranked_cursor_previous(&down), model->items[i]);
    cr_assert_null(ranked_cursor_previous(&down));
}

static void expect_ranks(const struct ranked_tree *tree, const struct model *model, size_t at)
{
    const struct ranked_element *element = model->items[at];
    cr_assert_eq(ranked_tree_rank(tree, element), at);
    cr_assert_eq(ranked_tree_at(tree, at), element);
    size_t first = at;
    while (first > 0 && model->items[first - 1]->score == element->score)
        first--;
    size_t last = at + 1;
    while (last < model->count && model->items[last]->score == element->score)
        last++;
    struct ranked_bound bound = {.by = RANKED_BY_SCORE, .score = element->score};
    cr_assert_eq(ranked_tree_rank_of_bound(tree, &bound), first);
    bound.is_after = true;
    cr_assert_eq(ranked_tree_rank_of_bound(tree, &bound), last);
    bound.by = RANKED_BY_BOTH;
    bound.member = ranked_element_member(element);
    cr_assert_eq(ranked_tree_rank_of_bound(tree, &bound), at + 1);
    bound.is_after = false;
    cr_assert_eq(ranked_tree_rank_of_bound(tree, &bound), at);
}

static double random_score(struct random_state *random, uint64_t scores)
{
    uint64_t value = random_state_next(random) % scores;
    if (value == 0)
        return -INFINITY;
    return value == 1 ? INFINITY : (double)value / 2 - 20;
}

static struct bytes random_member(struct random_state *random, char text[32])
{
    int size = snprintf(text, 32, "m%llu", (unsigned long long)random_state_next(random) % 100000);
    return bytes_of(text, (size_t)size);
}

static void step_insert(struct ranked_tree *tree, struct model *model, double score,
                        struct bytes member)
{
    size_t at = model_position(model, score, member);
    if (at < model->count && order(score, member, model->items[at]) == 0)
        return;
    struct ranked_element *element = ranked_element_create(score, member);
    ranked_tree_insert(tree, element);
    model_put(model, element);
}

static void step_remove(struct ranked_tree *tree, struct model *model, size_t at)
{
    struct ranked_element *element = model->items[at];
    ranked_tree_remove(tree, element);
    model_take(model, at);
    mem_free(element);
}

static void step_move(struct ranked_tree *tree, struct model *model, size_t at, double score)
{
    struct ranked_element *element = model->items[at];
    size_t target = model_position(model, score, ranked_element_member(element));
    if (target < model->count &&
        order(score, ranked_element_member(element), model->items[target]) == 0)
        return;
    model_take(model, at);
    ranked_tree_set_score(tree, element, score);
    cr_assert_eq(element->score, score);
    model_put(model, element);
}

/* Phases that grow and shrink, with few or many distinct scores. */
static void run_model(uint64_t seed, uint64_t scores)
{
    static struct model model;
    struct ranked_tree tree;
    struct random_state random;
    model.count = 0;
    random_state_seed(&random, seed);
    ranked_tree_init(&tree);
    for (int step = 0; step < 24000; step++) {
        bool grows = (step / 6000) % 2 == 0;
        uint64_t dice = random_state_next(&random) % 10;
        size_t at = model.count ? random_state_next(&random) % model.count : 0;
        char text[32];
        if (dice < (grows ? 8u : 1u) || model.count == 0) {
            double score = random_score(&random, scores);
            step_insert(&tree, &model, score, random_member(&random, text));
        } else if (dice == 8) {
            bool is_near = random_state_next(&random) % 2;
            double score = is_near && isfinite(model.items[at]->score)
                               ? model.items[at]->score + 0.001
                               : random_score(&random, scores);
            step_move(&tree, &model, at, score);
        } else {
            step_remove(&tree, &model, at);
        }
        if (model.count)
            expect_ranks(&tree, &model, random_state_next(&random) % model.count);
        if (step % 400 == 0)
            expect_same(&tree, &model);
    }
    expect_same(&tree, &model);
    ranked_tree_deinit(&tree);
    cr_assert_eq(tree.count, 0);
}

Test(ranked_tree, few_scores)
{
    run_model(1, 3);
}

Test(ranked_tree, some_scores)
{
    run_model(2, 100);
}

Test(ranked_tree, many_scores)
{
    run_model(3, 1 << 30);
}

/* Filled at one end and emptied from the other. */
static void run_queue(int direction, bool from_the_front)
{
    static struct model model;
    struct ranked_tree tree;
    model.count = 0;
    ranked_tree_init(&tree);
    for (int i = 0; i < MODEL_MAX; i++)
        step_insert(&tree, &model, direction * i, BYTES_LITERAL("same"));
    expect_same(&tree, &model);
    cr_assert_lt(ranked_tree_memory(&tree), MODEL_MAX * 10u);
    while (model.count) {
        step_remove(&tree, &model, from_the_front ? 0 : model.count - 1);
        if (model.count % 500 == 0)
            expect_same(&tree, &model);
    }
    cr_assert_null(tree.root);
    ranked_tree_deinit(&tree);
}

Test(ranked_tree, queues)
{
    run_queue(1, true);
    run_queue(1, false);
    run_queue(-1, true);
    run_queue(-1, false);
}

/* Lexicographic boundaries, all scores equal. */
Test(ranked_tree, by_member)
{
    struct ranked_tree tree;
    ranked_tree_init(&tree);
    struct ranked_bound bound = {.by = RANKED_BY_MEMBER, .member = BYTES_LITERAL("x")};
    cr_assert_eq(ranked_tree_rank_of_bound(&tree, &bound), 0);
    char text[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "%03d", i);
        ranked_tree_insert(&tree, ranked_element_create(7, bytes_of(text, 3)));
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "%03d", i);
        bound.member = bytes_of(text, 3);
        bound.is_after = false;
        cr_assert_eq(ranked_tree_rank_of_bound(&tree, &bound), (size_t)i);
        bound.is_after = true;
        cr_assert_eq(ranked_tree_rank_of_bound(&tree, &bound), (size_t)i + 1);
    }
    bound.member = BYTES_LITERAL("");
    cr_assert_eq(ranked_tree_rank_of_bound(&tree, &bound), 0);
    cr_assert_null(ranked_tree_at(&tree, 1000));
    ranked_tree_deinit(&tree);
}

Test(ranked_tree, empty_member)
{
    struct ranked_tree tree;
    ranked_tree_init(&tree);
    struct ranked_element *element = ranked_element_create(1.5, bytes_of(NULL, 0));
    cr_assert_eq(ranked_element_member(element).size, 0);
    ranked_tree_insert(&tree, element);
    cr_assert_eq(ranked_tree_rank(&tree, element), 0);
    ranked_tree_check(&tree);
    ranked_tree_deinit(&tree);
}
