# Forecasts of debut's suite "forecast" in R's package forecast.
#
# Run with a folder that holds series.csv, a series a line, a method (ets, theta, arima, median), the season, the steps ahead and the number
# of processes. Reads requests from standard input, one a line, and answers each with a line of JSON:
#
#   loss          the sMAPE of the last steps of all series, in percent
#   run SECONDS   forecast all series, again and again for a time: runs and seconds

answer <- function(...) { cat(sprintf(...), "\n", sep = ""); flush(stdout()) }
if (!suppressWarnings(suppressPackageStartupMessages(require(forecast, quietly = TRUE)))) {
  answer('{"absent": "R has no package forecast; install r-cran-forecast"}')
  quit(status = 0)
}
args <- commandArgs(trailingOnly = TRUE)
all <- as.matrix(read.csv(file.path(args[1], "series.csv"), header = FALSE))
season <- as.integer(args[3]); ahead <- as.integer(args[4]); processes <- as.integer(args[5])
n <- ncol(all) - ahead
levels <- 80

one <- list(
  ets = function(y) forecast(ets(y), h = ahead, level = levels)$mean,
  theta = function(y) thetaf(y, h = ahead, level = levels)$mean,
  arima = function(y) forecast(auto.arima(y), h = ahead, level = levels)$mean)
one$median <- function(y) apply(cbind(one$ets(y), one$arima(y), one$theta(y)), 1, median)
method <- one[[args[2]]]

forecasts <- function() parallel::mclapply(seq_len(nrow(all)), function(i) as.numeric(method(ts(all[i, 1:n], frequency = season))),
                                           mc.cores = processes)

answer('{"version": "R %s, forecast %s"}', getRversion(), packageVersion("forecast"))
requests <- file("stdin", "r")
while (length(line <- readLines(requests, n = 1)) > 0) {
  words <- strsplit(line, " ")[[1]]
  if (words[1] == "loss") {
    f <- do.call(rbind, forecasts())
    y <- all[, (n + 1):(n + ahead), drop = FALSE]
    answer('{"loss": %.15g}', mean(200 * abs(y - f) / (abs(y) + abs(f))))
  } else {
    began <- proc.time()[["elapsed"]]; runs <- 0
    repeat {
      forecasts(); runs <- runs + 1
      passed <- proc.time()[["elapsed"]] - began
      if (passed >= as.numeric(words[2])) break
    }
    answer('{"runs": %d, "seconds": %.6f}', as.integer(runs), passed)
  }
}
