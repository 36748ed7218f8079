/* A set of states: differences in one long array, and an open hash table over them. */
#include "space.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *grown(void *memory, size_t count, size_t size) {
    void *larger = realloc(memory, count * size);
    if (larger == NULL) {
        fprintf(stderr, "# no memory for more states\n");
        abort();
    }
    return larger;
}

static void make_slots(struct space *s, size_t slot_count) {
    s->slot_count = slot_count;
    s->slots = grown(s->slots, slot_count, sizeof(size_t));
    for (size_t i = 0; i < slot_count; i++)
        s->slots[i] = NO_STATE;
}

void space_init(struct space *s, const uint64_t *image, size_t words) {
    *s = (struct space){.words = words};
    s->first = grown(NULL, words, sizeof(uint64_t));
    memcpy(s->first, image, words * sizeof(uint64_t));
    s->begin = grown(NULL, 1, sizeof(size_t));
    s->begin[0] = 0;
    make_slots(s, 1024);
    space_add(s, image);
}

void space_end(struct space *s) {
    free(s->first);
    free(s->begin);
    free(s->kept);
    free(s->slots);
}

/* Multiplications spread every bit upwards, shifts bring them down again. */
static uint64_t hash_of(const struct difference *differences, size_t count) {
    uint64_t hash = count;
    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ differences[i].at) * UINT64_C(0x9e3779b97f4a7c15);
        hash = (hash ^ hash >> 29 ^ differences[i].word) * UINT64_C(0xbf58476d1ce4e5b9);
        hash ^= hash >> 32;
    }
    return hash;
}

/* Write an image's differences behind those of the last state. */
static size_t write_differences(struct space *s, const uint64_t *image) {
    size_t end = s->begin[s->count];
    if (s->kept_room < end + s->words) {
        s->kept_room = 2 * (end + s->words);
        s->kept = grown(s->kept, s->kept_room, sizeof(struct difference));
    }
    for (size_t i = 0; i < s->words; i++)
        if (image[i] != s->first[i])
            s->kept[end++] = (struct difference){i, image[i]};
    return end - s->begin[s->count];
}

static bool is_state(const struct space *s, size_t state, const struct difference *differences,
                     size_t count) {
    return s->begin[state + 1] - s->begin[state] == count &&
           memcmp(&s->kept[s->begin[state]], differences, count * sizeof(*differences)) == 0;
}

/* The slot of the state with these differences, or the one that it would get. */
static size_t slot_of(const struct space *s, const struct difference *differences, size_t count) {
    size_t slot = (size_t) hash_of(differences, count) % s->slot_count;
    while (s->slots[slot] != NO_STATE && !is_state(s, s->slots[slot], differences, count))
        slot = (slot + 1) % s->slot_count;
    return slot;
}

static void double_slots(struct space *s) {
    make_slots(s, 2 * s->slot_count);
    for (size_t state = 0; state < s->count; state++) {
        size_t begin = s->begin[state];
        s->slots[slot_of(s, &s->kept[begin], s->begin[state + 1] - begin)] = state;
    }
}

size_t space_find(struct space *s, const uint64_t *image) {
    size_t count = write_differences(s, image);
    return s->slots[slot_of(s, &s->kept[s->begin[s->count]], count)];
}

size_t space_add(struct space *s, const uint64_t *image) {
    size_t count = write_differences(s, image);
    size_t slot = slot_of(s, &s->kept[s->begin[s->count]], count);
    if (s->slots[slot] != NO_STATE)
        return s->slots[slot];

    size_t state = s->count++;
    if (s->room < s->count) {
        s->room = 2 * s->count;
        s->begin = grown(s->begin, s->room + 1, sizeof(size_t));
    }
    s->begin[s->count] = s->begin[state] + count;
    s->slots[slot] = state;
    if (s->count > s->slot_count / 2)
        double_slots(s);
    return state;
}

void space_get(const struct space *s, size_t state, uint64_t *image) {
    memcpy(image, s->first, s->words * sizeof(uint64_t));
    for (size_t i = s->begin[state]; i < s->begin[state + 1]; i++)
        image[s->kept[i].at] = s->kept[i].word;
}
