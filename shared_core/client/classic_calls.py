"""The classic tasks, for threads and for event loops: arguments in, flow run, reply out.

Named and called as in huggingface_hub's InferenceClient; replies carry who answered (`.meta`) beside the answers.
What these calls need is loaded with the first of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from shared_core.client.media_calls import AsyncMediaCalls, MediaCalls
from shared_core.client.waiters import Waiter

if TYPE_CHECKING:
    from typing import Unpack

    from shared_core.media import MediaInput, Segment, Sound
    from shared_core.types import TaskOptions
    from shared_core.types.answers import (
        Answer,
        Answers,
        Detection,
        Entity,
        Filling,
        Label,
        TableAnswer,
        TextReply,
    )
    from shared_core.types.classic import (
        ClassifyOptions,
        DetectOptions,
        DocumentOptions,
        EntityOptions,
        FillOptions,
        MakeOptions,
        PictureLabelOptions,
        QuestionOptions,
        SegmentOptions,
        SightOptions,
        TableOptions,
        TranslateOptions,
        ZeroShotOptions,
    )

__all__ = ["AsyncClassicCalls", "ClassicCalls"]

T = TypeVar("T")

Table = Mapping[str, Sequence[Any]]
"""A column's cells under its name."""


class ClassicCalls(MediaCalls):
    """Labels, names, answers, summaries, masks and scores, blocking."""

    def text_classification(self, text: str, **options: Unpack[ClassifyOptions]) -> Answers[Label]:
        """What kind of text it is, such as its mood.

        Args:
            text: What to classify. It goes to the model unaltered, and is never opened as a path or an address.
            options: See `shared_core.types.classic.ClassifyOptions`.

        Raises:
            RouterError: See `shared_core.errors`. `ConfigError` before anything is sent.

        Example:
            >>> router.text_classification("I love it")[0].label  # doctest: +SKIP
            'POSITIVE'
        """
        return self._tell("text-classification", {"text": text}, options)

    def zero_shot_classification(
        self, text: str, candidate_labels: Sequence[str], **options: Unpack[ZeroShotOptions]
    ) -> Answers[Label]:
        """Which of the given labels fit a text, the best first.

        Args:
            text: What to classify.
            candidate_labels: The labels to choose from.
            options: See `ZeroShotOptions`.

        Example:
            >>> router.zero_shot_classification("My parcel is late", ["refund", "faq"])[0].label  # doctest: +SKIP
            'refund'
        """
        return self._tell(
            "zero-shot-classification", {"text": text, "candidate_labels": candidate_labels}, options
        )

    def token_classification(self, text: str, **options: Unpack[EntityOptions]) -> Answers[Entity]:
        """Names of persons, places and the like in a text.

        Args:
            text: What to search.
            options: See `EntityOptions`.

        Example:
            >>> [(each.word, each.label) for each in router.token_classification("Ada in Paris")]  # doctest: +SKIP
            [('Ada', 'PER'), ('Paris', 'LOC')]
        """
        return self._tell("token-classification", {"text": text}, options)

    def question_answering(
        self, question: str, context: str, **options: Unpack[QuestionOptions]
    ) -> Answers[Answer]:
        """The passage of a text that answers a question.

        Args:
            question: What to find.
            context: Where to find it.
            options: See `QuestionOptions`; with `top_k` there are several answers.

        Example:
            >>> router.question_answering("Who?", "Ada wrote it.")[0].answer  # doctest: +SKIP
            'Ada'
        """
        return self._tell("question-answering", {"question": question, "context": context}, options)

    def table_question_answering(
        self, table: Table, query: str, **options: Unpack[TableOptions]
    ) -> TableAnswer:
        """An answer out of a table's cells.

        Args:
            table: A column's cells under its name, or a pandas DataFrame; cells are sent as texts.
            query: The question.
            options: See `TableOptions`.

        Example:
            >>> router.table_question_answering({"Who": ["Ada"], "Age": [36]}, "Ada's age?").cells  # doctest: +SKIP
            ('36',)
        """
        return self._tell("table-question-answering", {"table": table, "query": query}, options)

    def summarization(self, text: str | Sequence[str], **options: Unpack[MakeOptions]) -> TextReply:
        """A text, shortened.

        Args:
            text: What to shorten; of several texts in a list, `.texts` has the summaries.
            options: See `MakeOptions`.
        """
        return self._tell("summarization", {"texts": text}, options)

    def translation(self, text: str | Sequence[str], **options: Unpack[TranslateOptions]) -> TextReply:
        """A text in another language.

        Args:
            text: What to translate; of several texts in a list, `.texts` has the translations.
            options: See `TranslateOptions`. Which languages, is the model's own affair, unless it knows many.

        Example:
            >>> router.translation("Hello", src_lang="en_XX", tgt_lang="fr_XX").text  # doctest: +SKIP
            'Bonjour'
        """
        return self._tell("translation", {"texts": text}, options)

    def fill_mask(self, text: str, **options: Unpack[FillOptions]) -> Answers[Filling]:
        """Words for a gap in a text.

        Args:
            text: With the model's own mark for the gap, mostly "[MASK]" or "<mask>".
            options: See `FillOptions`.

        Example:
            >>> router.fill_mask("Paris is the [MASK] of France.")[0].token_str  # doctest: +SKIP
            'capital'
        """
        return self._tell("fill-mask", {"text": text}, options)

    def sentence_similarity(
        self, sentence: str, other_sentences: Sequence[str], **options: Unpack[TaskOptions]
    ) -> Answers[float]:
        """How near in meaning each sentence is to one.

        Args:
            sentence: What to compare with.
            other_sentences: What to compare.
            options: See `TaskOptions`.

        Returns:
            A score for each, in their order. To search many texts, `embed` them once instead.
        """
        return self._tell(
            "sentence-similarity", {"sentence": sentence, "other_sentences": other_sentences}, options
        )

    def tabular_classification(self, table: Table, **options: Unpack[TaskOptions]) -> Answers[str]:
        """A class for each row of a table.

        Args:
            table: A column's cells under its name, or a pandas DataFrame.
            options: See `TaskOptions`.
        """
        return self._tell("tabular-classification", {"table": table}, options)

    def tabular_regression(self, table: Table, **options: Unpack[TaskOptions]) -> Answers[float]:
        """A number for each row of a table.

        Args:
            table: A column's cells under its name, or a pandas DataFrame.
            options: See `TaskOptions`.
        """
        return self._tell("tabular-regression", {"table": table}, options)

    def image_classification(self, image: MediaInput, **options: Unpack[ClassifyOptions]) -> Answers[Label]:
        """What a picture shows, as a whole.

        Args:
            image: bytes, a `pathlib.Path`, an open file or a Pillow picture; a string is refused.
            options: See `ClassifyOptions`.
        """
        return self._tell("image-classification", {"image": image}, options)

    def zero_shot_image_classification(
        self, image: MediaInput, candidate_labels: Sequence[str], **options: Unpack[PictureLabelOptions]
    ) -> Answers[Label]:
        """Which of the given labels fit a picture, the best first.

        Args:
            image: As of `image_classification`.
            candidate_labels: The labels to choose from, at least two.
            options: See `PictureLabelOptions`.
        """
        return self._tell(
            "zero-shot-image-classification", {"image": image, "candidate_labels": candidate_labels}, options
        )

    def object_detection(self, image: MediaInput, **options: Unpack[DetectOptions]) -> Answers[Detection]:
        """Things in a picture, and where they are.

        Args:
            image: As of `image_classification`.
            options: See `DetectOptions`.

        Example:
            >>> [(each.label, each.box.width) for each in router.object_detection(Path("x.png"))]  # doctest: +SKIP
        """
        return self._tell("object-detection", {"image": image}, options)

    def image_segmentation(
        self, image: MediaInput | None = None, *, url: str | None = None, **options: Unpack[SegmentOptions]
    ) -> Answers[Segment]:
        """Parts of a picture, each with its mask.

        Args:
            image: As of `image_classification`.
            url: In place of `image`: an https address that the provider is to fetch (fal-ai).
            options: See `SegmentOptions`.

        Raises:
            RouterError: With `.job` from the moment that a provider with a queue (fal-ai) has accepted it.
        """
        return self._tell("image-segmentation", {"image": image, "url": url}, options)

    def image_to_text(self, image: MediaInput, **options: Unpack[TaskOptions]) -> TextReply:
        """A caption for a picture, or the text in it, by model.

        Args:
            image: As of `image_classification`.
            options: See `TaskOptions`.
        """
        return self._tell("image-to-text", {"image": image}, options)

    def visual_question_answering(
        self, image: MediaInput, question: str, **options: Unpack[SightOptions]
    ) -> Answers[Answer]:
        """Short answers to a question about a picture. `ask_image` asks a chat model, which says more.

        Args:
            image: As of `image_classification`.
            question: The question.
            options: See `SightOptions`.
        """
        return self._tell("visual-question-answering", {"image": image, "question": question}, options)

    def document_question_answering(
        self, image: MediaInput, question: str, **options: Unpack[DocumentOptions]
    ) -> Answers[Answer]:
        """Answers from a picture of a document, such as a bill.

        Args:
            image: As of `image_classification`.
            question: The question.
            options: See `DocumentOptions`.
        """
        return self._tell("document-question-answering", {"image": image, "question": question}, options)

    def audio_classification(self, audio: MediaInput, **options: Unpack[ClassifyOptions]) -> Answers[Label]:
        """What kind of sound it is.

        Args:
            audio: bytes, a `pathlib.Path` or an open file; a string is refused.
            options: See `ClassifyOptions`.
        """
        return self._tell("audio-classification", {"audio": audio}, options)

    def audio_to_audio(self, audio: MediaInput, **options: Unpack[TaskOptions]) -> Answers[Sound]:
        """A sound without its noise, or its voices apart, by model.

        Args:
            audio: As of `audio_classification`.
            options: See `TaskOptions`.

        Example:
            >>> router.audio_to_audio(Path("two.flac"))[0].audio.save("first")  # doctest: +SKIP
        """
        return self._tell("audio-to-audio", {"audio": audio}, options)

    def _tell(self, task: str, given: Mapping[str, Any], options: Mapping[str, Any]) -> T:  # type: ignore[type-var]
        """The task's own reply, whose type the caller declares."""
        from shared_core.client.classic_asking import ask_classic
        from shared_core.client.task_replies import READERS

        waiter = Waiter()
        reply: T = self._wait(
            self._json(task, *ask_classic(task, given, options), waiter, READERS[task]), waiter
        )
        return reply


class AsyncClassicCalls(AsyncMediaCalls):
    """The same for event loops."""

    async def text_classification(self, text: str, **options: Unpack[ClassifyOptions]) -> Answers[Label]:
        """See `HFRouter.text_classification`."""
        return await self._tell("text-classification", {"text": text}, options)

    async def zero_shot_classification(
        self, text: str, candidate_labels: Sequence[str], **options: Unpack[ZeroShotOptions]
    ) -> Answers[Label]:
        """See `HFRouter.zero_shot_classification`."""
        return await self._tell(
            "zero-shot-classification", {"text": text, "candidate_labels": candidate_labels}, options
        )

    async def token_classification(self, text: str, **options: Unpack[EntityOptions]) -> Answers[Entity]:
        """See `HFRouter.token_classification`."""
        return await self._tell("token-classification", {"text": text}, options)

    async def question_answering(
        self, question: str, context: str, **options: Unpack[QuestionOptions]
    ) -> Answers[Answer]:
        """See `HFRouter.question_answering`."""
        return await self._tell("question-answering", {"question": question, "context": context}, options)

    async def table_question_answering(
        self, table: Table, query: str, **options: Unpack[TableOptions]
    ) -> TableAnswer:
        """See `HFRouter.table_question_answering`."""
        return await self._tell("table-question-answering", {"table": table, "query": query}, options)

    async def summarization(self, text: str | Sequence[str], **options: Unpack[MakeOptions]) -> TextReply:
        """See `HFRouter.summarization`."""
        return await self._tell("summarization", {"texts": text}, options)

    async def translation(self, text: str | Sequence[str], **options: Unpack[TranslateOptions]) -> TextReply:
        """See `HFRouter.translation`."""
        return await self._tell("translation", {"texts": text}, options)

    async def fill_mask(self, text: str, **options: Unpack[FillOptions]) -> Answers[Filling]:
        """See `HFRouter.fill_mask`."""
        return await self._tell("fill-mask", {"text": text}, options)

    async def sentence_similarity(
        self, sentence: str, other_sentences: Sequence[str], **options: Unpack[TaskOptions]
    ) -> Answers[float]:
        """See `HFRouter.sentence_similarity`."""
        return await self._tell(
            "sentence-similarity", {"sentence": sentence, "other_sentences": other_sentences}, options
        )

    async def tabular_classification(self, table: Table, **options: Unpack[TaskOptions]) -> Answers[str]:
        """See `HFRouter.tabular_classification`."""
        return await self._tell("tabular-classification", {"table": table}, options)

    async def tabular_regression(self, table: Table, **options: Unpack[TaskOptions]) -> Answers[float]:
        """See `HFRouter.tabular_regression`."""
        return await self._tell("tabular-regression", {"table": table}, options)

    async def image_classification(
        self, image: MediaInput, **options: Unpack[ClassifyOptions]
    ) -> Answers[Label]:
        """See `HFRouter.image_classification`."""
        return await self._tell("image-classification", {"image": image}, options)

    async def zero_shot_image_classification(
        self, image: MediaInput, candidate_labels: Sequence[str], **options: Unpack[PictureLabelOptions]
    ) -> Answers[Label]:
        """See `HFRouter.zero_shot_image_classification`."""
        return await self._tell(
            "zero-shot-image-classification", {"image": image, "candidate_labels": candidate_labels}, options
        )

    async def object_detection(
        self, image: MediaInput, **options: Unpack[DetectOptions]
    ) -> Answers[Detection]:
        """See `HFRouter.object_detection`."""
        return await self._tell("object-detection", {"image": image}, options)

    async def image_segmentation(
        self, image: MediaInput | None = None, *, url: str | None = None, **options: Unpack[SegmentOptions]
    ) -> Answers[Segment]:
        """See `HFRouter.image_segmentation`."""
        return await self._tell("image-segmentation", {"image": image, "url": url}, options)

    async def image_to_text(self, image: MediaInput, **options: Unpack[TaskOptions]) -> TextReply:
        """See `HFRouter.image_to_text`."""
        return await self._tell("image-to-text", {"image": image}, options)

    async def visual_question_answering(
        self, image: MediaInput, question: str, **options: Unpack[SightOptions]
    ) -> Answers[Answer]:
        """See `HFRouter.visual_question_answering`."""
        return await self._tell("visual-question-answering", {"image": image, "question": question}, options)

    async def document_question_answering(
        self, image: MediaInput, question: str, **options: Unpack[DocumentOptions]
    ) -> Answers[Answer]:
        """See `HFRouter.document_question_answering`."""
        return await self._tell(
            "document-question-answering", {"image": image, "question": question}, options
        )

    async def audio_classification(
        self, audio: MediaInput, **options: Unpack[ClassifyOptions]
    ) -> Answers[Label]:
        """See `HFRouter.audio_classification`."""
        return await self._tell("audio-classification", {"audio": audio}, options)

    async def audio_to_audio(self, audio: MediaInput, **options: Unpack[TaskOptions]) -> Answers[Sound]:
        """See `HFRouter.audio_to_audio`."""
        return await self._tell("audio-to-audio", {"audio": audio}, options)

    async def _tell(self, task: str, given: Mapping[str, Any], options: Mapping[str, Any]) -> T:
        """The task's own reply, whose type the caller declares."""
        from shared_core.client.classic_asking import ask_classic
        from shared_core.client.task_replies import READERS

        asked = await asyncio.to_thread(ask_classic, task, given, options)  # files are read there
        waiter = Waiter()
        return await self._wait(self._json(task, *asked, waiter, READERS[task]), waiter)
