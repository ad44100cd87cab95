/*
 * Depth first, so that only one path of worlds is in memory; what was seen is known by its digest.  Afterwards one
 * goes back from the ends: from each world at least one of them has to be reached.
 */
#include "tests/explore/explore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct state {
    uint64_t     digest;
    uint32_t     parent;
    struct event event; /* by which it came from there */
    bool         is_end;
};

struct edge {
    uint32_t from;
    uint32_t to;
};

/* A world of the present path. */
struct frame {
    uint8_t     *core;
    struct world world;
    uint32_t     journal_count;
    uint32_t     state;
    size_t       count;
    size_t       next;
    struct event events[EVENTS];
};

struct search {
    struct explore x;
    size_t         core_size;
    struct state  *states;
    uint32_t       state_count;
    uint32_t       state_max;
    uint32_t      *table; /* states by their digests; 0: free, otherwise its number + 1 */
    size_t         table_size;
    struct edge   *edges;
    size_t         edge_count;
    size_t         edge_max;
    struct frame **frames;
    size_t         frame_max;
    size_t         depth;
};

static void grow_table(struct search *s)
{
    s->table_size = s->table_size ? 2 * s->table_size : 1 << 14;
    free(s->table);
    s->table = lk_xcalloc(s->table_size, sizeof(*s->table));
    for (uint32_t i = 0; i < s->state_count; i++) {
        size_t at = s->states[i].digest & (s->table_size - 1);
        while (s->table[at])
            at = (at + 1) & (s->table_size - 1);
        s->table[at] = i + 1;
    }
}

/* True if it is new. */
static bool visit(struct search *s, uint32_t parent, struct event event, uint32_t *out)
{
    uint64_t digest = digest_of(&s->x);
    size_t   at;

    if (2 * (size_t)s->state_count >= s->table_size)
        grow_table(s);
    for (at = digest & (s->table_size - 1); s->table[at]; at = (at + 1) & (s->table_size - 1))
        if (s->states[s->table[at] - 1].digest == digest) {
            *out = s->table[at] - 1;
            return false;
        }
    if (s->state_count == s->state_max) {
        s->state_max = s->state_max ? 2 * s->state_max : 4096;
        s->states = lk_xrealloc(s->states, s->state_max * sizeof(*s->states));
    }
    *out = s->state_count;
    s->states[s->state_count++] =
        (struct state) { .digest = digest, .parent = parent, .event = event };
    s->table[at] = s->state_count;
    return true;
}

static void add_edge(struct search *s, uint32_t from, uint32_t to)
{
    if (s->edge_count == s->edge_max) {
        s->edge_max = s->edge_max ? 2 * s->edge_max : 16384;
        s->edges = lk_xrealloc(s->edges, s->edge_max * sizeof(*s->edges));
    }
    s->edges[s->edge_count++] = (struct edge) { from, to };
}

/* Puts the present world onto the path. */
static void push(struct search *s, uint32_t state)
{
    if (s->depth == s->frame_max) {
        s->frames = lk_xrealloc(s->frames, (s->frame_max + 64) * sizeof(struct frame *));
        for (size_t i = 0; i < 64; i++) {
            struct frame *frame = lk_xcalloc(1, sizeof(*frame));
            frame->core = lk_xmalloc(s->core_size);
            s->frames[s->frame_max++] = frame;
        }
    }
    struct frame *frame = s->frames[s->depth++];
    coordinator_save(&s->x, frame->core);
    frame->world = s->x.world;
    frame->journal_count = s->x.journal_count;
    frame->state = state;
    frame->count = world_events(&s->x, frame->events);
    frame->next = 0;
    bool goes_on = false;
    for (size_t i = 0; i < frame->count; i++)
        goes_on |= frame->events[i].type < LOSE_UP;
    s->states[state].is_end = !goes_on && world_is_at_rest(&s->x);
    if (s->states[state].is_end)
        check_end(&s->x);
    else if (!goes_on)
        world_break(&s->x, "10: nothing can happen any more, and not all has ended");
}

static void print_path(const struct search *s, uint32_t state)
{
    uint32_t *path = lk_xmalloc(s->state_count * sizeof(*path));
    size_t    count = 0;
    char      text[120];

    for (; state; state = s->states[state].parent)
        path[count++] = state;
    while (count--) {
        event_format(s->states[path[count]].event, text, sizeof(text));
        printf("#   %s\n", text);
    }
    free(path);
}

static bool run(struct search *s)
{
    uint32_t     state;
    struct event event = { 0 };

    world_begin(&s->x);
    visit(s, 0, event, &state);
    push(s, state);
    while (s->depth && !s->x.broken[0]) {
        struct frame *frame = s->frames[s->depth - 1];
        if (frame->next == frame->count) {
            s->depth--;
            continue;
        }
        coordinator_load(&s->x, frame->core);
        s->x.world = frame->world;
        s->x.journal_count = frame->journal_count;
        event = frame->events[frame->next++];
        world_happen(&s->x, event);
        bool is_new = visit(s, frame->state, event, &state);
        add_edge(s, frame->state, state);
        if (is_new && !s->x.broken[0])
            push(s, state);
    }
    if (!s->x.broken[0])
        return true;
    printf("# %s: %s\n", s->x.setting->name, s->x.broken);
    print_path(s, state);
    return false;
}

/* Numbers of those who lead to each state, one after the other: `first` says where they begin. */
static void turn_edges(const struct search *s, size_t *first, uint32_t *from)
{
    for (size_t i = 0; i < s->edge_count; i++)
        first[s->edges[i].to + 1]++;
    for (size_t i = 0; i < s->state_count; i++)
        first[i + 1] += first[i];
    size_t *next = lk_xmalloc(s->state_count * sizeof(*next));
    memcpy(next, first, s->state_count * sizeof(*next));
    for (size_t i = 0; i < s->edge_count; i++)
        from[next[s->edges[i].to]++] = s->edges[i].from;
    free(next);
}

/* True if every state has a way to an end. */
static bool all_can_end(struct search *s)
{
    size_t   *first = lk_xcalloc(s->state_count + 1U, sizeof(*first));
    uint32_t *from = lk_xmalloc((s->edge_count + 1) * sizeof(*from));
    uint32_t *todo = lk_xmalloc(s->state_count * sizeof(*todo));
    bool     *is_good = lk_xcalloc(s->state_count, sizeof(*is_good));
    size_t    count = 0, good = 0;
    uint32_t  stuck = 0;

    turn_edges(s, first, from);
    for (uint32_t i = 0; i < s->state_count; i++)
        if ((is_good[i] = s->states[i].is_end))
            todo[count++] = i;
    for (; good < count; good++)
        for (size_t i = first[todo[good]]; i < first[todo[good] + 1]; i++)
            if (!is_good[from[i]]) {
                is_good[from[i]] = true;
                todo[count++] = from[i];
            }
    while (stuck < s->state_count && is_good[stuck])
        stuck++;
    if (stuck < s->state_count) {
        printf("# %s: 10: from here on there is no end any more\n", s->x.setting->name);
        print_path(s, stuck);
    }
    free(first);
    free(from);
    free(todo);
    free(is_good);
    return count == s->state_count;
}

bool search(const struct setting *setting, struct counts *counts)
{
    struct search s = { .x = { .setting = setting } };

    coordinator_new(&s.x);
    s.core_size = coordinator_size(&s.x);
    bool ok = run(&s) && all_can_end(&s);
    *counts = (struct counts) { .states = s.state_count, .transitions = s.edge_count };
    for (uint32_t i = 0; i < s.state_count; i++) {
        counts->ends += s.states[i].is_end;
        counts->digest += s.states[i].digest;
    }
    for (size_t i = 0; i < s.frame_max; i++) {
        free(s.frames[i]->core);
        free(s.frames[i]);
    }
    free(s.frames);
    free(s.states);
    free(s.table);
    free(s.edges);
    coordinator_free(&s.x);
    return ok;
}
