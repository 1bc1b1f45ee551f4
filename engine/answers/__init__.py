"""Answers searches: turns a request into a ranking of products, for the server, the canary gate and evaluations."""

from engine.answers.answer import FoundObject, Hit, PhotoPart, SearchAnswer, WhyMap
from engine.answers.arrangement import MAX_FACETS, MOST_FACETS, SORTS, arranged, counted, is_by_relevance
from engine.answers.cursors import Cursor, Ranking, RankingStore, new_query_id
from engine.answers.diversity import mmr_order
from engine.answers.find import DEPTH, Finder, OnStage, first_depth
from engine.answers.found import Found, Question
from engine.answers.judging import BEST, SIMILAR, Answered, evidence, judge_by, question_kind
from engine.answers.labelled import VOTED, label_bonus
from engine.answers.pages import HitPages
from engine.answers.ranking import (
    DEFAULT_FRESHNESS,
    RERANKED,
    Ranked,
    diverse_places,
    fresh_order,
    fresh_places,
    interleave,
    rank_products,
)
from engine.answers.reasons import Explanation, Moves, Reason, moves_of
from engine.answers.request import (
    LEGS,
    MAX_K,
    MAX_TEXT,
    MIN_BOX_SIDE,
    MOST_LIKED,
    MOST_PHOTOS,
    QueryPoint,
    SearchRequest,
    check_k,
    check_request,
    check_words,
    photo_input,
    query_point,
    words_alone,
)
from engine.answers.signs import ANSWER_SIGNS, FIRST, HIT_SIGNS, Evidence, answer_signs, hit_signs
from engine.answers.words_ahead import WordsAhead

__all__ = [
    "ANSWER_SIGNS",
    "BEST",
    "DEFAULT_FRESHNESS",
    "DEPTH",
    "FIRST",
    "HIT_SIGNS",
    "LEGS",
    "MAX_FACETS",
    "MAX_K",
    "MAX_TEXT",
    "MIN_BOX_SIDE",
    "MOST_FACETS",
    "MOST_LIKED",
    "MOST_PHOTOS",
    "RERANKED",
    "SIMILAR",
    "SORTS",
    "VOTED",
    "Answered",
    "Cursor",
    "Evidence",
    "Explanation",
    "Finder",
    "Found",
    "FoundObject",
    "Hit",
    "HitPages",
    "Moves",
    "OnStage",
    "PhotoPart",
    "QueryPoint",
    "Question",
    "Ranked",
    "Ranking",
    "RankingStore",
    "Reason",
    "SearchAnswer",
    "SearchRequest",
    "WhyMap",
    "WordsAhead",
    "answer_signs",
    "arranged",
    "check_k",
    "check_request",
    "check_words",
    "counted",
    "diverse_places",
    "evidence",
    "first_depth",
    "fresh_order",
    "fresh_places",
    "hit_signs",
    "interleave",
    "is_by_relevance",
    "judge_by",
    "label_bonus",
    "mmr_order",
    "moves_of",
    "new_query_id",
    "photo_input",
    "query_point",
    "question_kind",
    "rank_products",
    "words_alone",
]
