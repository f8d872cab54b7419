#include "ptx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <map>
#include <set>

namespace emu {

namespace {

bool of_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$'; }

std::string name_at(const std::string &s, size_t at) {
	size_t to = at;
	while (to < s.size() && of_name(s[to])) to++;
	return s.substr(at, to - at);
}

// size_of returns the bytes of a declaration such as ".align 8 .b8 name[104]", and its name.
size_t size_of(const std::string &d, std::string &name) {
	size_t element = 0, at = 0;
	for (size_t i = 0; i + 1 < d.size(); i++) {
		if (d[i] != '.' || !strchr("bfsu", d[i + 1]) || i + 2 >= d.size() || d[i + 2] < '0' || d[i + 2] > '9') continue;
		element = (size_t)atoi(d.c_str() + i + 2) / 8;
		at = i + 2;
	}
	while (at < d.size() && of_name(d[at])) at++;
	while (at < d.size() && !of_name(d[at])) at++;
	name = name_at(d, at);
	at += name.size();
	return at < d.size() && d[at] == '[' ? element * strtoull(d.c_str() + at + 1, nullptr, 10) : element;
}

// without_comments blanks them.
std::string without_comments(std::string s) {
	for (size_t i = 0; i + 1 < s.size(); i++) {
		size_t to;
		if (s[i] == '/' && s[i + 1] == '/')
			to = s.find('\n', i);
		else if (s[i] == '/' && s[i + 1] == '*')
			to = s.find("*/", i) == std::string::npos ? std::string::npos : s.find("*/", i) + 2;
		else
			continue;
		if (to == std::string::npos) to = s.size();
		for (; i < to; i++)
			if (s[i] != '\n') s[i] = ' ';
	}
	return s;
}

} // namespace

std::string read_ptx(const std::string &text, Ptx &out) {
	std::string s = without_comments(text);
	size_t at = s.find(".version ");
	if (at == std::string::npos || sscanf(s.c_str() + at, ".version %d.%d", &out.major, &out.minor) != 2) return "there is no .version";
	at = s.find(".target sm_", at);
	if (at == std::string::npos || sscanf(s.c_str() + at, ".target sm_%d", &out.target) != 1) return "there is no .target";

	// Variables in shared memory are declared in a kernel or before it.
	std::map<std::string, size_t> shared;
	for (at = 0; (at = s.find(".shared .align", at)) != std::string::npos; at++) {
		size_t stop = s.find(';', at);
		if (stop == std::string::npos) return "a .shared does not end";
		std::string name;
		size_t n = size_of(s.substr(at + 7, stop - at - 7), name);
		shared[name] = n;
	}

	for (at = 0; (at = s.find(".entry ", at)) != std::string::npos;) {
		at += 7;
		Entry e;
		e.name = name_at(s, at);
		size_t open = s.find('(', at), close = s.find(')', at), body = s.find('{', at);
		if (e.name.empty() || open == std::string::npos || close == std::string::npos || body == std::string::npos || close < open || body < close)
			return "an .entry is incomplete";
		std::string params = s.substr(open + 1, close - open - 1);
		for (size_t p = 0; (p = params.find(".param ", p)) != std::string::npos;) {
			p += 7;
			std::string name;
			e.params.push_back(size_of(params.substr(p, params.find(',', p) - p), name));
		}
		unsigned x = 1, y = 1, z = 1;
		std::string directives = s.substr(close, body - close);
		size_t most = directives.find(".maxntid ");
		if (most != std::string::npos && sscanf(directives.c_str() + most, ".maxntid %u, %u, %u", &x, &y, &z) >= 1) e.max_threads = x * y * z;
		size_t end = body;
		int depth = 0;
		for (; end < s.size(); end++) {
			if (s[end] == '{') depth++;
			if (s[end] == '}' && --depth == 0) break;
		}
		if (end == s.size()) return "the body of " + e.name + " does not end";
		std::set<std::string> seen;
		for (size_t i = body; i < end;) {
			if (!of_name(s[i])) {
				i++;
				continue;
			}
			std::string word = name_at(s, i);
			auto it = shared.find(word);
			if (it != shared.end() && seen.insert(word).second) e.shared += it->second;
			i += word.size();
		}
		out.entries.push_back(e);
		at = end;
	}
	return out.entries.empty() ? "there is no .entry" : "";
}

} // namespace emu
