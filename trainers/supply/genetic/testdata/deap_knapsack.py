"""Solves a knapsack with DEAP until it is within 1 % of the best value; prints evaluations and seconds for each seed.

The problem comes as JSON on stdin: values, weights, capacity, target, population, seeds.
"""
import json
import random
import sys
import time

from deap import base, creator, tools

work = json.load(sys.stdin)
values, weights, capacity = work["values"], work["weights"], work["capacity"]
n = len(values)
creator.create("Fitness", base.Fitness, weights=(1.0,))
creator.create("Individual", list, fitness=creator.Fitness)


def repair(x):
    weight = sum(w for w, on in zip(weights, x) if on)
    for i in random.sample(range(n), n):
        if weight <= capacity:
            break
        if x[i]:
            x[i] = 0
            weight -= weights[i]


def evaluate(x):
    return (sum(v for v, on in zip(values, x) if on),)


toolbox = base.Toolbox()
toolbox.register("gene", random.randint, 0, 1)
toolbox.register("individual", tools.initRepeat, creator.Individual, toolbox.gene, n)
toolbox.register("population", tools.initRepeat, list, toolbox.individual)
toolbox.register("mate", tools.cxUniform, indpb=0.5)
toolbox.register("mutate", tools.mutFlipBit, indpb=1 / n)
toolbox.register("select", tools.selTournament, tournsize=3)

for seed in range(work["seeds"]):
    random.seed(seed)
    start = time.perf_counter()
    population = toolbox.population(n=work["population"])
    evaluations, best = 0, 0
    fresh = population
    while True:
        for x in fresh:
            repair(x)
            x.fitness.values = evaluate(x)
            best = max(best, x.fitness.values[0])
        evaluations += len(fresh)
        if best >= work["target"] or evaluations > 20000:
            break
        elite = tools.selBest(population, 1)
        children = [toolbox.clone(x) for x in toolbox.select(population, len(population) - 1)]
        for a, b in zip(children[::2], children[1::2]):
            if random.random() < 0.9:
                toolbox.mate(a, b)
                del a.fitness.values, b.fitness.values
        for x in children:
            before = list(x)
            toolbox.mutate(x)
            if x != before and x.fitness.valid:
                del x.fitness.values
        population = elite + children
        fresh = [x for x in population if not x.fitness.valid]
    print(evaluations, time.perf_counter() - start, best)
