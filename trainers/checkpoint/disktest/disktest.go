// Package disktest runs tests on a small disk of their own, which they may fill up or make read-only. There is one on
// Linux only.
package disktest
