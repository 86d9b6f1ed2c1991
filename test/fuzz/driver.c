/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a libFuzzer target without libFuzzer: every seed as it is, then N mutations of them.  Repeatable:
 * mutation K of the same seeds is the same bytes everywhere, so that a failure is one number. fuzz_x [-n
 * RUNS] [-k ONLY_THIS_MUTATION] [-o WRITE_IT_TO] SEED_FILE_OR_FOLDER ... */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define MAX_SEEDS  256
#define MAX_BYTES  65536
#define MAX_EDITS  8
#define MAX_TEST_S 4 /* on a slow machine the mutations are cut, not the patience of who waits */

void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

struct input {
	uint8_t *data;
	size_t size;
};

static struct input seeds[MAX_SEEDS];
static size_t n_seeds;
static volatile sig_atomic_t mutation = -1; /* the one running; -1 = the seeds themselves */

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static size_t below(uint64_t *state, size_t n)
{
	return n == 0 ? 0 : (size_t)(next_random(state) % n);
}

/* Says which mutation it was, in a handler: no stdio. */
static void say_mutation(void)
{
	char text[64] = "\nfuzz driver: it was mutation -k ";
	char digits[12];
	size_t n = strlen(text), n_digits = 0;
	long k = mutation;

	if (k < 0)
		text[n++] = '-';
	for (unsigned long rest = k < 0 ? 1 : (unsigned long)k; n_digits == 0 || rest > 0; rest /= 10)
		digits[n_digits++] = (char)('0' + rest % 10);
	while (n_digits > 0)
		text[n++] = digits[--n_digits];
	text[n++] = '\n';
	if (write(STDERR_FILENO, text, n) < 0)
		_exit(EXIT_FAILURE);
}

static void on_signal(int sig)
{
	say_mutation();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void add_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct input *seed = &seeds[n_seeds];

	if (f == NULL)
		err(EXIT_FAILURE, "%s", path);
	if (n_seeds == MAX_SEEDS)
		errx(EXIT_FAILURE, "more than %d seeds", MAX_SEEDS);
	seed->data = malloc(MAX_BYTES);
	if (seed->data == NULL)
		err(EXIT_FAILURE, "malloc");
	seed->size = fread(seed->data, 1, MAX_BYTES, f);
	n_seeds++;
	fclose(f);
}

static void add_seeds(const char *path)
{
	struct dirent **list;
	struct stat st;
	int n;

	if (stat(path, &st) < 0)
		err(EXIT_FAILURE, "%s", path);
	if (!S_ISDIR(st.st_mode)) {
		add_file(path);
		return;
	}
	n = scandir(path, &list, NULL, alphasort); /* sorted: mutations must not depend on the file system */
	if (n < 0)
		err(EXIT_FAILURE, "%s", path);
	for (int i = 0; i < n; i++) {
		char file[4096];

		if (list[i]->d_name[0] != '.') {
			snprintf(file, sizeof(file), "%s/%s", path, list[i]->d_name);
			add_file(file);
		}
		free(list[i]);
	}
	free(list);
}

/* Opens a hole of n bytes at 'at'; returns how many fitted. */
static size_t make_hole(struct input *in, size_t at, size_t n)
{
	if (n > MAX_BYTES - in->size)
		n = MAX_BYTES - in->size;
	memmove(in->data + at + n, in->data + at, in->size - at);
	in->size += n;
	return n;
}

static void edit_byte(struct input *in, uint64_t *rng)
{
	static const uint8_t telling[] = {
		0, 1, 0x7f, 0x80, 0xff, '\n', ' ', '=', '[', ']', '#', ',', '-', '.', '0', '9'};
	size_t at = below(rng, in->size);

	if (in->size == 0)
		return;
	if (next_random(rng) & 1)
		in->data[at] ^= (uint8_t)(1u << below(rng, 8));
	else
		in->data[at] = telling[below(rng, sizeof(telling))];
}

static void edit_insert_random(struct input *in, uint64_t *rng)
{
	size_t at = below(rng, in->size + 1);
	size_t n = make_hole(in, at, 1 + below(rng, 8));

	for (size_t i = 0; i < n; i++)
		in->data[at + i] = (uint8_t)next_random(rng);
}

static void edit_delete(struct input *in, uint64_t *rng)
{
	size_t at = below(rng, in->size);
	size_t n = 1 + below(rng, next_random(rng) & 1 ? 8 : in->size);

	if (in->size == 0)
		return;
	if (n > in->size - at)
		n = in->size - at;
	memmove(in->data + at, in->data + at + n, in->size - at - n);
	in->size -= n;
}

/* A piece of a seed, put in or written over: keys meet values of other keys, headers meet other headers. */
static void edit_splice(struct input *in, uint64_t *rng)
{
	const struct input *from = &seeds[below(rng, n_seeds)];
	size_t start = below(rng, from->size);
	size_t n = 1 + below(rng, next_random(rng) & 3 ? 32 : from->size);
	size_t at = below(rng, in->size + 1);

	if (from->size == 0)
		return;
	if (n > from->size - start)
		n = from->size - start;
	if (next_random(rng) & 1)
		n = make_hole(in, at, n);
	else if (n > in->size - at)
		n = in->size - at;
	memcpy(in->data + at, from->data + start, n);
}

static void mutate(struct input *in, long k)
{
	static void (*const edits[])(struct input *, uint64_t *) = {
		edit_byte,
		edit_byte,
		edit_insert_random,
		edit_delete,
		edit_splice,
		edit_splice,
	};
	uint64_t rng = (uint64_t)k;
	const struct input *seed = &seeds[below(&rng, n_seeds)];

	memcpy(in->data, seed->data, seed->size);
	in->size = seed->size;
	for (size_t n = 1 + below(&rng, MAX_EDITS); n > 0; n--)
		edits[below(&rng, sizeof(edits) / sizeof(edits[0]))](in, &rng);
}

/* The target gets memory of exactly the size, so that a sanitizer sees the first byte read beyond it. */
static void run_one(const struct input *in)
{
	uint8_t *exact = malloc(in->size > 0 ? in->size : 1);

	if (exact == NULL)
		err(EXIT_FAILURE, "malloc");
	memcpy(exact, in->data, in->size);
	LLVMFuzzerTestOneInput(exact, in->size);
	free(exact);
}

static void write_input(const struct input *in, const char *path)
{
	FILE *f = fopen(path, "wb");

	if (f == NULL || fwrite(in->data, 1, in->size, f) != in->size || fclose(f) != 0)
		err(EXIT_FAILURE, "%s", path);
}

static long run_mutations(long first, long end, const char *out)
{
	struct input in = {.data = malloc(MAX_BYTES)};
	time_t stop = time(NULL) + MAX_TEST_S;
	long k;

	if (in.data == NULL)
		err(EXIT_FAILURE, "malloc");
	for (k = first; k < end && time(NULL) <= stop; k++) {
		mutation = (sig_atomic_t)k;
		mutate(&in, k);
		if (out != NULL)
			write_input(&in, out);
		run_one(&in);
	}
	free(in.data);
	return k - first;
}

int main(int argc, char **argv)
{
	static const int fatal[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM};
	long first = 0, end = 10000;
	const char *out = NULL;
	int opt;

	while ((opt = getopt(argc, argv, "n:k:o:")) != -1) {
		if (opt == 'n')
			end = atol(optarg);
		else if (opt == 'k')
			end = (first = atol(optarg)) + 1;
		else if (opt == 'o')
			out = optarg;
		else
			return EXIT_FAILURE;
	}
	for (int i = optind; i < argc; i++)
		add_seeds(argv[i]);
	if (n_seeds == 0)
		errx(EXIT_FAILURE, "no seeds: name files or folders");
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		signal(fatal[i], on_signal);
	if (__sanitizer_set_death_callback != NULL)
		__sanitizer_set_death_callback(say_mutation);
	alarm(10 * MAX_TEST_S); /* an input it never returns from is a failure too, and has a number */
	for (size_t i = 0; i < n_seeds; i++)
		run_one(&seeds[i]);
	printf("%zu seeds, %ld mutations\n", n_seeds, run_mutations(first, end, out));
	for (size_t i = 0; i < n_seeds; i++)
		free(seeds[i].data);
	return EXIT_SUCCESS;
}
